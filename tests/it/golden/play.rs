//! A setting that is played with fixed keys, seeds and times: what the vectors are made of.

use std::collections::BTreeMap;
use std::convert::Infallible;

use indelible::cabinet::identity::Identity;
use indelible::cabinet::recovery::RecoverySheet;
use indelible::cabinet::roll::CaseLine;
use indelible::codec::{Bytes, CaseTag, Digest, Folder, KindNumber, LedgerId, PersonId, RelationNumber, ShortText};
use indelible::decision::decision::{Decision, Reference};
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::decision::value::{Content, FieldId, Moment, Value, field};
use indelible::decision::view::{Found, Referenced, View};
use indelible::entry::authored::{Author, Authored};
use indelible::entry::statement::Body;
use indelible::keys::SigningKey;
use indelible::keys::card::Card;
use indelible::keys::name::{KeyKind, KeyName, SignerKey};
use indelible::ledger::append::Entered;
use indelible::ledger::init::card;
use indelible::ledger::open::Ledger;
use indelible::rules::pack::Pack;
use indelible::seal::sealed::{Sealed, document_hash};
use indelible::seal::structure::StructureKey;
use indelible::seal::words::{FolderPrivate, FolderPublic};
use indelible::store::faulty::FaultyDisk;
use indelible::store::log_file::LogFile;
use indelible::verify::entry::Keys;
use indelible::verify::roster::Roster;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use serde_json::{Value as Json, json};

/// The pack of the worked example.
pub const SHARE_PACK: &str = include_str!("../../vectors/packs/share.toml");
/// The pack of all other vectors.
pub const SMALL_PACK: &str = include_str!("../../vectors/packs/small.toml");
/// The small pack, with the log's own keys.
pub const KEYS_PACK: &str = include_str!("../../vectors/packs/keys.toml");
/// 2026-10-06T09:00:00+01:00.
pub const START: i64 = 1_791_273_600_000;
/// The origin of every vector.
pub const ORIGIN: &str = "willowbrook.example/decisions";

/// BLAKE3 output as "randomness": the same for the same seed.
pub struct Stream(blake3::OutputReader);

impl Stream {
    pub fn new(seed: &str) -> Self {
        Stream(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof())
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl TryRng for Stream {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.bytes()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.bytes()))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}
impl TryCryptoRng for Stream {}

/// Bytes that count: 0, 1, 2 and so on, over and over.
pub struct Counting(pub u8);

impl TryRng for Counting {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}
impl TryCryptoRng for Counting {}

/// An invented person with one device.
pub struct Person {
    pub identity: Identity,
    pub structure: StructureKey,
    pub role: Role,
    pub sequence: u64,
    pub previous: Digest,
}

/// A ledger under way.
pub struct Play {
    pub ledger: Ledger<FaultyDisk>,
    pub disk: FaultyDisk,
    pub log: SignerKey,
    pub id: LedgerId,
    pub pack: Pack,
    pub pack_text: &'static str,
    pub roster: Roster,
    pub people: BTreeMap<&'static str, Person>,
    pub cases: BTreeMap<&'static str, CaseTag>,
    pub folders: Vec<FolderPrivate>,
    pub now: i64,
    pub rng: Stream,
    _folder: tempfile::TempDir,
}

/// The key of a log under the common origin.
pub fn log_key(seed: &str) -> SignerKey {
    signer(ORIGIN, KeyKind::LogKey, seed)
}

/// A key that signs notes.
pub fn signer(name: &str, kind: KeyKind, seed: &str) -> SignerKey {
    SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&Stream::new(seed).bytes()))
}

impl Play {
    /// Maria founds the setting: entries 0 and 1.
    pub fn founded(seed: &str, pack_text: &'static str) -> Self {
        let mut rng = Stream::new(seed);
        let pack = Pack::parse(pack_text).unwrap();
        let log = log_key(&format!("{seed} log"));
        let recovery = RecoverySheet::random(&mut rng);
        let maria = person("Maria Okafor", "maria", Role::Dsl, seed);
        let folders: Vec<FolderPrivate> = (0..3).map(|_| FolderPrivate::generate(&mut rng)).collect();
        let sheet = recovery.secret().unwrap().recipient().to_string();
        let mut values = vec![
            one(field::ORIGIN, Content::Text(short(ORIGIN))),
            one(field::TITLE, Content::Text(short("Willowbrook Pre-School"))),
            one(field::SETTING_TYPE, code("committee")),
            one(field::URN, Content::Text(short(""))),
            one(field::NONCE, Content::Hash(Digest::new(rng.bytes()))),
            one(field::LOG_KEY, Content::Key(Bytes(*log.public().key().as_bytes()))),
            one(field::RECOVERY_RECIPIENT, Content::Text(short(&sheet))),
        ];
        values.extend(enrolment(&card(&maria.identity).unwrap(), maria.role));
        values.extend(publish(&[Folder::Staff, Folder::Intake, Folder::Access], &folders, 0));
        values.sort_by_key(|value| (value.field, value.position));
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let file = LogFile::create(disk.clone()).unwrap();
        let mut play = Play {
            ledger: Ledger::over(folder.path(), file, log.public().clone(), Some(copy(&log))).unwrap(),
            disk,
            log,
            id: Body::ledger_id(&values).unwrap(),
            pack,
            pack_text,
            roster: Roster::default(),
            people: BTreeMap::from([("maria", maria)]),
            cases: BTreeMap::new(),
            folders,
            now: START,
            rng,
            _folder: folder,
        };
        let first = play.first_write(values);
        play.append("maria", &first);
        play
    }

    /// Maria, Jon (deputy_dsl), Sam (practitioner), and the case theo: entries 0 to 4.
    pub fn new(seed: &str, pack_text: &'static str) -> Self {
        let mut play = Self::founded(seed, pack_text);
        play.enrol("Jon Pell", "jon", Role::DeputyDsl);
        play.enrol("Sam Leigh", "sam", Role::Practitioner);
        play.open_case("theo");
        play
    }

    fn first_write(&mut self, genesis: Vec<Value>) -> Vec<Authored> {
        let pack_hash = document_hash(self.pack_text.as_bytes());
        let starts = FieldId(self.pack.id_of("starts_at").unwrap());
        let genesis = Decision::setup(&self.pack, kind("genesis"), None, Moment::NONE, genesis, vec![]).unwrap();
        let genesis = self.sign_as("maria", genesis, |_| ());
        let now = Moment::in_london(self.now);
        let values = vec![one(field::DOCUMENT_HASH, Content::Hash(pack_hash)), one(starts, Content::Time(now))];
        let adopt = Decision::setup(&self.pack, kind("rulepack.adopt"), None, now, values, vec![]).unwrap();
        let author = self.people["maria"].identity.author();
        let sealed = Sealed::new(adopt, self.id, author.as_bytes(), None, &mut self.rng).unwrap();
        let sealed = sealed.with_document(self.pack_text.as_bytes()).unwrap();
        let adopt = self.sign("maria", sealed, |author| author.pack = pack_hash);
        vec![genesis, adopt]
    }

    /// Lets time pass.
    pub fn wait(&mut self, milliseconds: i64) -> i64 {
        self.now += milliseconds;
        self.now
    }

    /// Sets the time (RFC 3339).
    pub fn at(&mut self, time: &str) {
        self.now = Moment::parse(time).unwrap().milliseconds;
    }

    /// Maria enrols somebody.
    pub fn enrol(&mut self, name: &str, handle: &'static str, role: Role) -> u64 {
        self.wait(60_000);
        let authored = self.enrolment(name, handle, role);
        self.append("maria", &[authored])[0].number
    }

    /// Signs an enrolment by Maria, without entering it.
    pub fn enrolment(&mut self, name: &str, handle: &'static str, role: Role) -> Authored {
        let person = person(name, handle, role, &self.log.public().to_string());
        let values = enrolment(&card(&person.identity).unwrap(), role);
        self.people.insert(handle, person);
        let decision = self.decide("key.enrol", None, values, vec![]);
        self.sign_as("maria", decision, |_| ())
    }

    /// Maria opens a case.
    pub fn open_case(&mut self, handle: &'static str) -> u64 {
        let authored = self.case_opened("maria", handle);
        self.append("maria", &[authored])[0].number
    }

    /// Signs what opens a case.
    pub fn case_opened(&mut self, who: &str, handle: &'static str) -> Authored {
        let line = CaseLine::new(handle, "Theo A.", &mut self.rng).unwrap();
        let folders = [Folder::General, Folder::Protection, Folder::Legal];
        let keys: Vec<FolderPrivate> = folders.iter().map(|_| FolderPrivate::generate(&mut self.rng)).collect();
        let mut values = publish(&folders, &keys, 0);
        values.push(one(FieldId(self.pack.id_of("epoch").unwrap()), Content::Count(0)));
        values.push(one(field::ROLL_COMMITMENT, Content::Hash(line.commitment())));
        self.folders.extend(keys);
        self.cases.insert(handle, line.tag());
        let decision = self.decide("case.opened", Some(line.tag()), values, vec![]);
        self.sign_as(who, decision, |_| ())
    }

    /// Maria gives a folder a new key.
    pub fn renew(&mut self, case: Option<CaseTag>, folder: Folder) -> u64 {
        let key = FolderPrivate::generate(&mut self.rng);
        let epoch = self.roster.current_folder(case, folder).unwrap().epoch + 1;
        let mut values = publish(&[folder], std::slice::from_ref(&key), epoch);
        values.push(one(FieldId(self.pack.id_of("epoch").unwrap()), Content::Count(epoch)));
        values.push(one(FieldId(self.pack.id_of("cause").unwrap()), code("renewal")));
        self.folders.push(key);
        self.setup("maria", "folder.key", case, values, vec![])
    }

    /// Maria adopts another rule pack.
    pub fn adopt(&mut self, text: &str) -> u64 {
        self.wait(60_000);
        let starts = FieldId(self.pack.id_of("starts_at").unwrap());
        let hash = document_hash(text.as_bytes());
        let now = Moment::in_london(self.now);
        let values = vec![one(field::DOCUMENT_HASH, Content::Hash(hash)), one(starts, Content::Time(now))];
        let decision = self.decide("rulepack.adopt", None, values, vec![]);
        let author = self.people["maria"].identity.author();
        let sealed = Sealed::new(decision, self.id, author.as_bytes(), None, &mut self.rng).unwrap();
        let sealed = sealed.with_document(text.as_bytes()).unwrap();
        let authored = self.sign("maria", sealed, |_| ());
        self.append("maria", &[authored])[0].number
    }

    /// Maria has a new key made for the log, which waits; returns the entry and the key.
    pub fn new_log_key(&mut self, seed: &str) -> (u64, SignerKey) {
        let next = log_key(seed);
        let field = |name| FieldId(self.pack.id_of(name).unwrap());
        let values = vec![
            one(field::LOG_KEY, Content::Key(Bytes(*next.public().key().as_bytes()))),
            one(field("cause"), code("renewal")),
            one(field::STARTS_AT, Content::Time(Moment::in_london(self.now))),
        ];
        let renews = self.reference("renews", self.roster.log_key_entry());
        self.ledger.hold_next(copy(&next));
        (self.setup("maria", "log.key", None, values, vec![renews]), next)
    }

    /// Somebody confirms an entry.
    pub fn confirm(&mut self, who: &str, entry: u64) -> u64 {
        let view = FieldId(self.pack.id_of("view").unwrap());
        let reference = self.reference("confirms", entry);
        self.setup(who, "confirmation", None, vec![one(view, code("agrees"))], vec![reference])
    }

    pub fn reference(&self, relation: &str, entry: u64) -> Reference {
        let digest = self.ledger.entry(entry).unwrap().envelope().statement;
        Reference { relation: RelationNumber::of(relation).unwrap(), entry, digest }
    }

    pub fn decide(&self, name: &str, case: Option<CaseTag>, values: Vec<Value>, refs: Vec<Reference>) -> Decision {
        Decision::setup(&self.pack, kind(name), case, Moment::in_london(self.now), values, refs).unwrap()
    }

    /// Enters something without words.
    pub fn setup(
        &mut self,
        who: &str,
        name: &str,
        case: Option<CaseTag>,
        values: Vec<Value>,
        refs: Vec<Reference>,
    ) -> u64 {
        self.wait(60_000);
        let decision = self.decide(name, case, values, refs);
        let authored = self.sign_as(who, decision, |_| ());
        self.append(who, &[authored])[0].number
    }

    /// Checks a draft as the desk would.
    pub fn check(&self, who: &str, draft: &Json) -> Decision {
        let view = Seeing { play: self, who };
        Draft::from_json(draft).unwrap().check(&self.pack, &view, self.now).unwrap()
    }

    /// Signs a concern about theo, without entering it.
    pub fn concern(&mut self, who: &str, text: &str) -> Authored {
        let draft = concern(text, self.now);
        let decision = self.check(who, &draft);
        self.sign_as(who, decision, |_| ())
    }

    /// Enters a draft in a write of its own.
    pub fn record(&mut self, who: &str, draft: &Json) -> u64 {
        self.wait(60_000);
        let decision = self.check(who, draft);
        let authored = self.sign_as(who, decision, |_| ());
        self.append(who, &[authored])[0].number
    }

    /// Enters a concern about theo.
    pub fn worry(&mut self, who: &str, text: &str) -> u64 {
        self.wait(60_000);
        let authored = self.concern(who, text);
        self.append(who, &[authored])[0].number
    }

    /// Seals and signs, with what `change` makes of the author; the author's chain goes on.
    pub fn sign_as(&mut self, who: &str, decision: Decision, change: impl FnOnce(&mut Author<'_>)) -> Authored {
        let mut rng = Stream::new("");
        std::mem::swap(&mut rng, &mut self.rng);
        let sealed = self.seal(who, decision, &mut rng);
        std::mem::swap(&mut rng, &mut self.rng);
        self.sign(who, sealed, change)
    }

    pub fn seal(&self, who: &str, decision: Decision, rng: &mut impl CryptoRng) -> Sealed {
        let folder = decision.folder();
        let case = decision.case().filter(|_| folder.of_case());
        let key: Option<FolderPublic> =
            (folder != Folder::None).then(|| self.roster.current_folder(case, folder).unwrap().key);
        Sealed::new(decision, self.id, self.people[who].identity.author().as_bytes(), key.as_ref(), rng).unwrap()
    }

    pub fn sign(&mut self, who: &str, sealed: Sealed, change: impl FnOnce(&mut Author<'_>)) -> Authored {
        let (seen, pack) = (self.ledger.seen(), self.roster.pack());
        let person = self.people.get_mut(who).unwrap();
        let mut author = Author {
            person: person.identity.person(),
            key: person.identity.signing(),
            structure_key: &person.structure,
            sequence: person.sequence,
            previous: person.previous,
            seen,
            pack,
            policy: Digest::ZERO,
            signed: Moment::in_london(self.now),
        };
        change(&mut author);
        let authored = Authored::sign(sealed, &author, &mut self.rng).unwrap();
        (person.sequence, person.previous) = (person.sequence + 1, authored.statement.digest());
        authored
    }

    /// Appends in one write, as the clerk does.
    pub fn append(&mut self, who: &str, authored: &[Authored]) -> Vec<Entered> {
        let key = self.people[who].structure.clone();
        let now = self.now;
        self.ledger.append(authored, &key, &mut self.roster, &|| now).unwrap()
    }

    /// The log as it stands.
    pub fn bytes(&self) -> Vec<u8> {
        self.disk.bytes()
    }

    /// What opens every structure that is not restricted.
    pub fn keys(&self) -> Keys {
        let structure = self.people.values().map(|person| person.structure.clone()).collect();
        Keys { structure, ledger: self.id, ..Keys::default() }
    }

    /// The content of `keys.json`.
    pub fn keys_json(&self) -> Json {
        let people = self.people.iter().map(|(handle, person)| {
            json!({
                "handle": handle,
                "role": person.role.code(),
                "author_key": hex(person.identity.author().as_bytes()),
                "structure_key": hex(person.structure.as_bytes()),
            })
        });
        let folders = self.folders.iter().map(|key| {
            let public = key.public().unwrap();
            let epoch = self.roster.folder_key(&public.id());
            json!({
                "folder": epoch.map_or("-", |epoch| epoch.folder.name()),
                "id": public.id().to_string(),
                "private_key": hex(key.as_bytes()),
            })
        });
        json!({ "ledger": self.id.to_string(), "people": people.collect::<Vec<_>>(),
                "folders": folders.collect::<Vec<_>>() })
    }
}

/// The ledger as somebody sees it who may open everything.
struct Seeing<'a> {
    play: &'a Play,
    who: &'a str,
}

impl View for Seeing<'_> {
    fn case(&self, typed: &str) -> Found<CaseTag> {
        self.play.cases.get(typed).map_or(Found::Nothing, |tag| Found::One(*tag))
    }

    fn person(&self, typed: &str) -> Found<PersonId> {
        self.play.people.get(typed).map_or(Found::Nothing, |person| Found::One(person.identity.person()))
    }

    fn author(&self) -> PersonId {
        self.play.people[self.who].identity.person()
    }

    fn roles(&self) -> Vec<Role> {
        vec![self.play.people[self.who].role]
    }

    fn entry(&self, number: u64) -> Option<Referenced> {
        let stored = self.play.ledger.entry(number).ok()?;
        let statement = stored.statement(&self.play.keys())?;
        let body = statement.body();
        Some(Referenced {
            digest: stored.envelope().statement,
            kind: Some(body.kind),
            case: body.case,
            folder: body.folder(),
            author_person: Some(body.person),
            values: body.values.clone(),
        })
    }
}

/// A draft of a concern about theo.
pub fn concern(text: &str, now: i64) -> Json {
    let learned = Moment::in_london(now - 600_000).typed();
    json!({ "kind": "concern.observed", "case": "theo", "learned_at": learned, "narrative": text,
            "reasons": "It was not like him." })
}

fn person(name: &str, handle: &str, role: Role, seed: &str) -> Person {
    let mut rng = Stream::new(&format!("{seed} {handle}"));
    let identity = Identity::new(name, handle, &mut rng).unwrap();
    let structure = StructureKey::new(rng.bytes());
    Person { identity, structure, role, sequence: 0, previous: Digest::ZERO }
}

fn enrolment(card: &Card, role: Role) -> Vec<Value> {
    vec![
        one(field::PERSON, Content::Person(card.person())),
        one(field::ROLE, code(role.code())),
        one(field::AUTHOR_KEY, Content::Key(Bytes(*card.author_key().as_bytes()))),
        one(field::SEALING_KEY, Content::Text(short(card.recipient()))),
        one(field::KEY_PROOF, Content::Proof(Bytes(card.proof().0))),
        one(field::ROLL_COMMITMENT, Content::Hash(card.commitment())),
    ]
}

fn publish(folders: &[Folder], keys: &[FolderPrivate], epoch: u64) -> Vec<Value> {
    let mut values = Vec::new();
    for ((folder, key), position) in folders.iter().zip(keys).zip(0..) {
        let row = |field, content| Value { field, position, content };
        values.push(row(field::FOLDER_KEYS_FOLDER, code(folder.name())));
        values.push(row(field::FOLDER_KEYS_EPOCH, Content::Count(epoch)));
        values.push(row(field::FOLDER_KEYS_KEY, Content::Key(Bytes(key.public().unwrap().0))));
    }
    values
}

pub fn one(field: FieldId, content: Content) -> Value {
    Value { field, position: 0, content }
}

pub fn code(text: &str) -> Content {
    Content::Code(short(text))
}

pub fn kind(name: &str) -> KindNumber {
    KindNumber::of(name).unwrap()
}

fn short(text: &str) -> ShortText {
    ShortText::new(text).unwrap()
}

fn copy(key: &SignerKey) -> SignerKey {
    SignerKey::parse(&key.format().unwrap()).unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    indelible::codec::context::hex(bytes)
}
