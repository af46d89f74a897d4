//! What the cabinet writes is opened by the stock `age` program, without any of our code.

use std::convert::Infallible;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use indelible::cabinet::identity::{Identity, IdentityFile};
use indelible::cabinet::recovery::RecoverySheet;
use indelible::cabinet::roll::{PersonLine, Roll};
use indelible::cabinet::{folder_keys, wrap};
use indelible::codec;
use indelible::seal::words::FolderPrivate;
use indelible::store::durable;

/// Random bytes that are the same in each run.
struct Fixed(blake3::OutputReader);

impl TryRng for Fixed {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}
impl TryCryptoRng for Fixed {}

fn rng(seed: &[u8]) -> Fixed {
    Fixed(blake3::Hasher::new().update(seed).finalize_xof())
}

const NEEDED: &str = "the stock `age` program is needed for this test: apt-get install age, or run tools/check";

fn age(arguments: &[&Path]) -> Output {
    let run = Command::new("age").arg("--decrypt").args(arguments).stdin(Stdio::null()).output();
    run.unwrap_or_else(|error| panic!("{NEEDED} ({error})"))
}

fn write(path: &Path, bytes: &[u8]) {
    durable::create_private(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[test]
fn the_stock_age_program_opens_the_cabinet_with_an_identity_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let sam = Identity::new("Sam Okafor", "sam", &mut rng(b"sam")).unwrap();
    let identity = folder.path().join("sam.id");
    write(&identity, &sam.seal(None).unwrap());
    let mut roll = Roll::default();
    roll.add_person(PersonLine::new(sam.person(), "sam", sam.name(), sam.name_salt()).unwrap()).unwrap();
    roll.save(folder.path(), &[sam.recipient()]).unwrap();

    let opened = age(&["-i".as_ref(), &identity, &folder.path().join("roll.age")]);
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let content = codec::unpad(&opened.stdout).unwrap();
    assert_eq!(content[0], 1);
    assert!(content.windows(10).any(|window| window == b"Sam Okafor"));
    // Someone else's identity does not open it.
    let other = folder.path().join("ana.id");
    write(&other, &Identity::new("Ana", "ana", &mut rng(b"ana")).unwrap().seal(None).unwrap());
    assert!(!age(&["-i".as_ref(), &other, &folder.path().join("roll.age")]).status.success());
}

#[test]
fn the_stock_age_program_opens_a_folder_key_with_the_recovery_secret() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = RecoverySheet::random(&mut rng(b"sheet"));
    let key = FolderPrivate::generate(&mut rng(b"folder"));
    let recipients =
        [sheet.secret().unwrap().recipient(), Identity::new("Sam", "sam", &mut rng(b"sam")).unwrap().recipient()];
    let id = folder_keys::save(folder.path(), &key, &recipients, &[]).unwrap();
    let secret = folder.path().join("recovery.txt");
    write(&secret, sheet.secret().unwrap().text().as_bytes());
    let opened = age(&["-i".as_ref(), &secret, &folder.path().join("folders").join(format!("{id}.age"))]);
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    // Version, id, which kind of key is held, the key: format.md.
    let head = [&[1], &id.as_bytes()[..], &[0; 4], &key.as_bytes()[..]].concat();
    assert!(codec::unpad(&opened.stdout).unwrap().starts_with(&head));
}

#[test]
fn the_stock_age_program_opens_a_sealed_identity_with_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let sam = Identity::new("Sam Okafor", "sam", &mut rng(b"sam")).unwrap();
    let identity = folder.path().join("sam.id");
    write(&identity, &sam.seal_with(Some(&Zeroizing::new("oak and ash".to_owned())), 10).unwrap());
    // age reads passphrases from a terminal only; `script` (util-linux) gives it one.
    let mut script = Command::new("script")
        .args(["--quiet", "--return", "--command", "age --decrypt --output clear.id sam.id", "/dev/null"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux is needed for this test: apt-get install bsdutils");
    script.stdin.take().unwrap().write_all(b"oak and ash\n").unwrap();
    let done = script.wait_with_output().unwrap();
    let text = durable::read(&folder.path().join("clear.id"), 1 << 16);
    let text = text.unwrap_or_else(|_| panic!("age: {}", String::from_utf8_lossy(&done.stdout)));
    assert_eq!(text, *sam.seal(None).unwrap());
}

#[test]
fn what_the_stock_age_program_wraps_is_opened_here() {
    let sam = Identity::new("Sam Okafor", "sam", &mut rng(b"sam")).unwrap();
    let made = |arguments: &[&str]| {
        let mut run =
            Command::new("age").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect(NEEDED);
        run.stdin.take().unwrap().write_all(b"from outside").unwrap();
        run.wait_with_output().unwrap().stdout
    };
    let file = made(&["-r", &sam.recipient().to_string()]);
    assert_eq!(wrap::unwrap(&file, sam.secret()).unwrap()[..], *b"from outside");
    // A file for a recipient is no identity, whatever it holds; nobody is asked for a passphrase.
    assert!(IdentityFile::open(&file, &mut || panic!("asked")).is_err());
}

#[test]
fn the_stock_age_program_opens_a_folder_key_while_the_grant_lasts() {
    use indelible::codec::Folder;
    use indelible::ledger::grants::Granting;
    use indelible::ledger::retire::Approved;
    use indelible::review::retiring::Target;

    let world = crate::world::World::new();
    let tick = || world.tick();
    let theo = world.desk("maria").find_case("theo").unwrap();
    let person = world.identity("sam").person();
    let granting = Granting { person, case: Some(theo), folders: &[Folder::General], profile: "cover", until: None };
    let grant = world.desk("maria").grant(granting, &tick, &mut indelible::store::durable::entropy()).unwrap().number;
    let secret = world.path("sam.txt");
    write(&secret, world.identity("sam").secret().text().as_bytes());
    let folders = world.book().join("cabinet").join("folders");
    let general = || {
        let desk = world.desk("maria");
        let ids: Vec<_> = desk.roster().epochs_of(Some(theo), Folder::General).map(|epoch| epoch.key.id()).collect();
        ids.into_iter().map(|id| folders.join(format!("{id}.age"))).filter(|file| file.exists()).collect::<Vec<_>>()
    };
    let opens = || general().iter().filter(|file| age(&["-i".as_ref(), &secret, file]).status.success()).count();
    assert_eq!((general().len(), opens()), (1, 1));
    world.record("sam", crate::forge::concern("theo", "Under the first key."));
    world.desk("maria").end_grant(grant, "grant_ended", &tick, &mut indelible::store::durable::entropy()).unwrap();
    assert_eq!((general().len(), opens()), (2, 0));
    // And after the folder was retired nobody's identity finds the private key: not even an overseer's.
    let review = serde_json::json!({"kind": "retention.review", "case": "theo", "folder": "general",
        "learned_at": "2026-10-06T09:00:00+01:00", "retention_class": "general", "outcome": "retire",
        "reasons": "It is over.", "review_at": "2026-10-06"});
    world.record("sam", crate::forge::concern("theo", "To be forgotten."));
    world.record("maria", review);
    let targets = [Target::Folder(theo, Folder::General)];
    let mut maria = world.desk("maria");
    let rng = &mut indelible::store::durable::entropy();
    let (proposal, _) = maria.propose_retiring(&targets, "retention", None, &tick, rng).unwrap();
    drop(maria);
    let rng = &mut indelible::store::durable::entropy();
    let approved: Approved = world.desk("jon").approve_retiring(proposal.number, "agrees", &tick, rng).unwrap();
    assert!(approved.entries > 0);
    assert_eq!(opens(), 0);
    let secret = world.path("maria.txt");
    write(&secret, world.identity("maria").secret().text().as_bytes());
    let maria = world.identity("maria");
    for file in general() {
        let opened = age(&["-i".as_ref(), &secret, &file]);
        let id = indelible::codec::FolderKeyId::parse(file.file_stem().unwrap().to_str().unwrap()).unwrap();
        let held = folder_keys::load(&world.book().join("cabinet"), id, maria.secret()).unwrap();
        // What `age` shows to an overseer is what this program holds: the newest key, and for older ones no private key.
        assert!(opened.status.success());
        let current = world.desk("maria").roster().current_folder(Some(theo), Folder::General).unwrap().key.id();
        assert_eq!(held.private().is_some(), id == current, "{}", file.display());
    }
}
