//! What lies on the disk: no secret of anybody's, in no encoding, outside the file that is meant to hold it sealed.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use base64::Engine;
use indelible::cabinet::{folder_keys, structure_keys};
use indelible::codec::Folder;
use indelible::codec::context::hex;
use indelible::ledger::grants::Granting;
use indelible::store::durable;
use serde_json::json;

use crate::world::World;

pub fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// A secret as it may stand in a file: raw, in hexadecimal digits of either case, in base64 of either alphabet.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let mut all = vec![secret.to_vec(), hex(secret).into_bytes(), hex(secret).to_uppercase().into_bytes()];
    // In base64 its place in a longer text matters: three ways to begin.
    for skip in 0..3 {
        let whole = secret.len() - (secret.len() - skip) % 3;
        let piece = &secret[skip..whole];
        all.extend([STANDARD_NO_PAD.encode(piece).into_bytes(), URL_SAFE_NO_PAD.encode(piece).into_bytes()]);
    }
    let utf16: Vec<u8> = secret.iter().flat_map(|byte| [*byte, 0]).collect();
    all.push(utf16);
    all
}

/// A search for many secrets at once, in every spelling.
pub struct Search {
    /// Spellings by their first two bytes, with the place of their secret.
    by_start: HashMap<[u8; 2], Vec<(Vec<u8>, usize)>>,
    /// Whether a spelling begins with these two bytes.
    begins: Vec<bool>,
}

/// Shorter spellings stand somewhere by chance.
const SHORTEST: usize = 6;

impl Search {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut search = Search { by_start: HashMap::new(), begins: vec![false; 1 << 16] };
        for (at, secret) in secrets.into_iter().enumerate() {
            for spelling in spellings(secret).into_iter().filter(|spelling| spelling.len() >= SHORTEST) {
                let start = [spelling[0], spelling[1]];
                search.begins[usize::from(u16::from_be_bytes(start))] = true;
                search.by_start.entry(start).or_default().push((spelling, at));
            }
        }
        search
    }

    /// The places, in the list of secrets, of those that stand in these bytes.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (at, pair) in bytes.windows(2).enumerate() {
            if self.begins[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
                let candidates = &self.by_start[&[pair[0], pair[1]]];
                let here = candidates.iter().filter(|(spelling, _)| bytes[at..].starts_with(spelling));
                found.extend(here.map(|(_, secret)| *secret));
            }
        }
        found
    }
}

#[test]
fn nothing_that_is_secret_lies_in_clear_anywhere() {
    let world = World::new();
    let tick = || world.tick();
    let texts = ["Quillfeather told me", "bruise like a crescent", "handover to Nan Treadwell"];
    let concern = |case: &str, folder: &str, text: &str| {
        json!({"kind": "concern.observed", "case": case, "folder": folder, "hold_check": "no",
               "learned_at": "2026-10-06T08:10:00+01:00", "narrative": text, "reasons": "It may matter."})
    };
    let first = world.record("maria", concern("theo", "general", texts[0]));
    world.record("sam", concern("ezra", "protection", texts[1]));
    // A draft that stays one.
    let draft = json!({"kind": "decision.noshare", "case": "theo", "narrative": texts[2]});
    drop(world.try_record("sam", draft));
    let theo = world.desk("maria").find_case("theo").unwrap();
    let person = world.identity("sam").person();
    let granting = Granting { person, case: Some(theo), folders: &[Folder::General], profile: "cover", until: None };
    let grant = world.desk("maria").grant(granting, &tick, &mut durable::entropy()).unwrap().number;
    world.desk("sam").show(first, Some("own_work"), &tick, &mut durable::entropy()).unwrap();
    world.desk("maria").end_grant(grant, "grant_ended", &tick, &mut durable::entropy()).unwrap();

    let (cabinet, maria) = (world.book().join("cabinet"), world.identity("maria"));
    let folders = folder_keys::load_all(&cabinet, maria.secret()).unwrap().opened;
    let structure = structure_keys::load_all(&cabinet, maria.secret()).unwrap().opened;
    assert!(folders.len() >= 10 && structure.len() == 3);
    let mut secrets: Vec<(String, Vec<u8>)> =
        texts.iter().map(|text| ((*text).to_owned(), text.as_bytes().to_vec())).collect();
    let names = ["Maria Okafor", "Jon Pell", "Sam Leigh", "Theo A.", "Ezra M.", "concern.observed", "grant.made"];
    secrets.extend(names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())));
    let private = |file: &folder_keys::FolderFile| file.private().map(|key| key.as_bytes().to_vec());
    secrets.extend(folders.iter().filter_map(|file| Some((format!("{file:?}"), private(file)?))));
    secrets.extend(structure.iter().map(|held| (format!("{held:?}"), held.key().unwrap().as_bytes().to_vec())));
    for who in ["maria", "jon", "sam"] {
        let identity = world.identity(who);
        secrets.push((format!("the age secret of {who}"), identity.secret().text().as_bytes().to_vec()));
        secrets.push((format!("the salt of {who}"), identity.name_salt().to_vec()));
    }
    let words = world.begun.recovery.words().unwrap();
    secrets.push(("the recovery sheet".to_owned(), words.as_bytes().to_vec()));

    let mut all = Vec::new();
    files(world.folder.path(), &mut all);
    // A person's own identity file holds their own secrets; here it has no passphrase.
    all.retain(|path| path.extension().is_none_or(|extension| extension != "id"));
    assert!(all.iter().any(|path| path.ends_with("ledger.log")) && all.len() > 20);
    // The search itself finds what is there.
    let known = std::fs::read(world.path("sam.id")).unwrap();
    assert_eq!(Search::new([&world.identity("sam").name_salt()[..]]).find(&known).len(), 1);
    let search = Search::new(secrets.iter().map(|(_, secret)| secret.as_slice()));
    for path in all {
        for name in search.find(&std::fs::read(&path).unwrap()).into_iter().map(|at| &secrets[at].0) {
            // The pack is adopted in clear, and names every kind: nobody's in particular.
            let kind = name.contains('.') && name.chars().all(|c| c.is_ascii_lowercase() || c == '.');
            assert!(kind && path.ends_with("ledger.log"), "{name} stands in {}", path.display());
        }
    }
}
