//! A second story: who may speak and who may read, over a term in which people join, lose a laptop and leave.
//! All people and words are invented.

use indelible::codec::{CaseTag, Folder};
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::grants::Granting;
use indelible::ledger::init::card;
use indelible::ledger::people::{Change, Enrolling, Post};
use indelible::ledger::record::Outcome;
use indelible::review::retiring::Target;
use indelible::store::durable;
use indelible::verify::report::{Code, History};
use serde_json::{Value as Json, json};

use crate::cli::demo::forge::Forged;
use crate::cli::demo::stage::{broken, clock};
use crate::cli::demo::{Demo, Held, look};
use crate::cli::failure::Failure;

/// What somebody reads of an entry.
enum Reads {
    Words,
    Nothing,
}

impl Demo<'_, '_> {
    /// Plays the term.
    pub(super) fn term(&mut self) -> Result<(), Failure> {
        self.say(
            "Willowbrook Pre-School, invented: Maria is safeguarding lead, Jon her deputy, Sam a practitioner.\n\
             Entries 0 to 5 begin the ledger: its rules, its three people, two children's cases.\n",
        )?;
        self.joining()?;
        let general = self.reading()?;
        self.misfiled()?;
        self.forgetting()?;
        self.stolen()?;
        self.broken_laptop(general)?;
        self.alone()
    }

    /// A chair joins: one person enters it, another one confirms it, and then she confirms the founding.
    fn joining(&mut self) -> Result<(), Failure> {
        self.part(
            "Ruth chairs the committee. Maria enrols her; nobody becomes a leading person by one person's word.",
        )?;
        self.stage.join("Ruth Amis", "ruth")?;
        let change = self.enrol("maria", "ruth", Role::Chair, None, "2026-09-02T09:00:00+01:00")?;
        self.found(&[(0, Code::OneFounder), (change.entered.number, Code::Unconfirmed)])?;
        match self.confirm("maria", change.entered.number, "2026-09-02T09:10:00+01:00") {
            Err(LedgerError::SamePerson) => {}
            other => return Err(broken(format!("{other:?}"))),
        }
        self.told("2026-09-02T09:10:00+01:00", "maria", "tries to confirm it herself, and is refused")?;
        self.confirm("jon", change.entered.number, "2026-09-02T10:00:00+01:00")?;
        self.told("2026-09-02T10:00:00+01:00", "jon", "confirms it: Ruth counts from here on")?;
        self.confirm("ruth", 0, "2026-09-02T11:00:00+01:00")?;
        self.told("2026-09-02T11:00:00+01:00", "ruth", "confirms that Maria began this ledger for the committee")?;
        self.found(&[])
    }

    /// A key person, a grant, and its end. Returns an entry in the folder `general` of Theo's case.
    fn reading(&mut self) -> Result<u64, Failure> {
        self.part("Who reads: the overseers, the child's key person in general, and whoever has a grant.")?;
        let theo = self.stage.desk("maria")?.find_case("theo")?;
        let general = self.concern("maria", "general", "2026-09-07T09:00:00+01:00")?;
        let protection = self.concern("maria", "protection", "2026-09-07T09:05:00+01:00")?;
        self.reads("sam", &[(general, Reads::Nothing), (protection, Reads::Nothing)], "2026-09-07T09:06:00+01:00")?;
        let at = "2026-09-07T09:10:00+01:00";
        let sam = self.stage.identity("sam")?.person();
        let now = clock(at)?;
        let post = Post { role: Role::KeyPerson, case: Some(theo), starts: now, until: None };
        self.stage.desk("maria")?.assign_role(sam, post, &|| now, &mut durable::entropy())?;
        self.told(at, "maria", "makes Sam Theo's key person")?;
        self.reads("sam", &[(general, Reads::Words), (protection, Reads::Nothing)], "2026-09-07T09:20:00+01:00")?;
        let grant = self.grant("sam", theo, Folder::Protection, "2026-09-08T09:00:00+01:00")?;
        self.reads("sam", &[(protection, Reads::Words)], "2026-09-08T09:10:00+01:00")?;
        let at = "2026-09-11T16:00:00+01:00";
        let now = clock(at)?;
        self.stage.desk("maria")?.end_grant(grant, "grant_ended", &|| now, &mut durable::entropy())?;
        self.told(at, "maria", "ends the grant: a new key, without Sam")?;
        self.reads("sam", &[(protection, Reads::Nothing)], "2026-09-11T16:10:00+01:00")?;
        let readings = self.stage.desk("maria")?.readings(theo)?;
        let under = readings.iter().filter(|reading| reading.under == Some(grant)).count();
        self.part(&format!(
            "Every opening of words through the program is an entry: {} so far for Theo, {under} of them under the grant.",
            readings.len()
        ))?;
        self.found(&[])?;
        Ok(general)
    }

    /// An entry in the wrong child's case: put right by two people, and gone from where it does not belong.
    fn misfiled(&mut self) -> Result<(), Failure> {
        self.part("Sam writes something about Ezra into Theo's case. Two people put it right.")?;
        let ezra = self.stage.desk("maria")?.find_case("ezra")?;
        let wrong = self.concern("sam", "general", "2026-09-11T16:30:00+01:00")?;
        let at = "2026-09-11T16:40:00+01:00";
        let now = clock(at)?;
        let said = self.stage.desk("maria")?.misfiled(
            wrong,
            Some(ezra),
            "It is about Ezra.",
            &|| now,
            &mut durable::entropy(),
        )?;
        let Outcome::Entered { entered, .. } = said else { return Err(broken("misfiled was not entered")) };
        self.told(at, "maria", &format!("says that entry {wrong} is misfiled (entry {})", entered.number))?;
        self.confirm("jon", entered.number, "2026-09-11T16:50:00+01:00")?;
        self.told("2026-09-11T16:50:00+01:00", "jon", "confirms it: what it says is entered in Ezra's case")?;
        let at = "2026-09-11T16:55:00+01:00";
        let now = clock(at)?;
        let targets = [Target::Entry(wrong)];
        let (proposal, _) = self.stage.desk("jon")?.propose_retiring(
            &targets,
            "misfiled",
            Some(entered.number),
            &|| now,
            &mut durable::entropy(),
        )?;
        let register = self.stage.desk("jon")?.retiring_register()?;
        let right = register.misfiled(entered.number).and_then(|one| one.refiled);
        let right = right.ok_or_else(|| broken("nothing stands in the right case"))?;
        self.told(at, "jon", &format!("proposes to forget entry {wrong}; entry {right} stands in Ezra's case"))?;
        self.approve("maria", proposal.number, "2026-09-11T17:00:00+01:00")?;
        let at = "2026-09-11T17:10:00+01:00";
        self.reads("sam", &[(wrong, Reads::Nothing)], at)?;
        self.reads("jon", &[(wrong, Reads::Nothing), (right, Reads::Words)], at)?;
        self.found(&[])
    }

    /// The end of retention: keys are destroyed, the proof stays.
    fn forgetting(&mut self) -> Result<(), Failure> {
        self.part("What Ezra's folder general holds has been kept for as long as it may be. Two people let it go.")?;
        let ezra = self.stage.desk("maria")?.find_case("ezra")?;
        let review = json!({"kind": "retention.review", "case": "ezra", "folder": "general",
            "learned_at": "2026-09-12T09:00:00+01:00", "retention_class": "general", "outcome": "retire",
            "reasons": "Nobody needs it any more.", "review_at": "2026-09-12"});
        let at = "2026-09-12T09:30:00+01:00";
        let review = self.stage.enter("maria", at, &review)?.number;
        self.told(at, "maria", &format!("reviews how long it is kept (entry {review})"))?;
        let at = "2026-09-12T10:00:00+01:00";
        let now = clock(at)?;
        let targets = [Target::Folder(ezra, Folder::General)];
        let (proposal, _) = self.stage.desk("maria")?.propose_retiring(
            &targets,
            "retention",
            None,
            &|| now,
            &mut durable::entropy(),
        )?;
        self.told(at, "maria", &format!("proposes to forget it (entry {})", proposal.number))?;
        self.approve("jon", proposal.number, "2026-09-12T10:30:00+01:00")?;
        self.found(&[])?;
        let report = look(&self.stage.log()?, Held { keys: self.stage.desk("maria")?.keys(), ..Held::default() })?;
        let entries: Vec<String> = report.retired.iter().flat_map(|one| &one.entries).map(u64::to_string).collect();
        self.part(&format!(
            "Entries {} are still there, numbered, linked and proved; their words open to nobody any more, with any key of \
             this setting or the recovery sheet. Copies of the cabinet from before still open them.",
            entries.join(", ")
        ))
    }

    fn approve(&mut self, by: &str, proposal: u64, at: &str) -> Result<(), Failure> {
        let now = clock(at)?;
        let approved = self.stage.desk(by)?.approve_retiring(proposal, "agrees", &|| now, &mut durable::entropy())?;
        if approved.entries == 0 {
            return Err(broken("nothing was retired"));
        }
        self.told(at, by, "agrees: keys are destroyed, words and structure are gone")
    }

    /// A laptop is stolen: the key ends where two people say so, and a new device goes on.
    fn stolen(&mut self) -> Result<(), Failure> {
        self.part("Jon's laptop is stolen. Ruth revokes its key; since Jon leads, Maria has to confirm it.")?;
        let at = "2026-09-14T08:30:00+01:00";
        let now = clock(at)?;
        let jon = self.stage.identity("jon")?;
        let enrolled = self.enrolled("jon")?;
        let change = self.stage.desk("ruth")?.revoke(enrolled, "stolen", now, &|| now, &mut durable::entropy())?;
        self.told(at, "ruth", "revokes the stolen key")?;
        self.confirm("maria", change.entered.number, "2026-09-14T08:40:00+01:00")?;
        self.told("2026-09-14T08:40:00+01:00", "maria", "confirms it: what Jon could read gets new keys")?;
        match self.concern("jon", "general", "2026-09-14T08:50:00+01:00") {
            Ok(_) => return Err(broken("a revoked key was accepted")),
            Err(_) => {
                self.told("2026-09-14T08:50:00+01:00", "(thief)", "writes with the stolen key, and is refused")?
            }
        }
        self.stage.join_as(&jon, "jon2")?;
        let change = self.enrol("maria", "jon2", Role::DeputyDsl, None, "2026-09-15T09:00:00+01:00")?;
        self.confirm("ruth", change.entered.number, "2026-09-15T09:30:00+01:00")?;
        self.told("2026-09-15T09:30:00+01:00", "ruth", "confirms Jon's new device")?;
        // The wraps come with the next overseer who sits down: Ruth has no keys to share.
        let now = clock("2026-09-15T09:40:00+01:00")?;
        self.stage.desk("maria")?.settle(&|| now, &mut durable::entropy())?;
        let entry = self.concern("maria", "general", "2026-09-15T10:00:00+01:00")?;
        self.reads("jon2", &[(entry, Reads::Words)], "2026-09-15T10:10:00+01:00")?;
        self.reads("jon", &[(entry, Reads::Nothing)], "2026-09-15T10:20:00+01:00")?;
        self.found(&[])
    }

    /// The machine breaks that holds the log's key and Maria's identity; played on a copy. `entry` can be read again after.
    fn broken_laptop(&mut self, entry: u64) -> Result<(), Failure> {
        self.part(
            "The office laptop breaks, and with it the log's key and Maria's identity. A copy of the folder is on a stick, \
             the recovery sheet in the safe.",
        )?;
        let maria = self.stage.identity("maria")?;
        let copy = self.stage.copy(&self.root.join("new-laptop"))?;
        let before = std::mem::replace(&mut self.stage, copy);
        self.stage.lose("maria")?;
        let at = "2026-09-17T09:00:00+01:00";
        self.stage.recover(clock(at)?)?;
        self.told(at, "ruth", "types the 24 words: the log key and the wraps are back")?;
        self.stage.join_as(&maria, "maria2")?;
        let change = self.enrol("jon2", "maria2", Role::Dsl, Some(0), "2026-09-17T09:30:00+01:00")?;
        self.confirm("ruth", change.entered.number, "2026-09-17T09:40:00+01:00")?;
        self.told("2026-09-17T09:40:00+01:00", "ruth", "confirms Maria's new device; the old key ends")?;
        let now = clock("2026-09-17T09:50:00+01:00")?;
        self.stage.desk("jon2")?.settle(&|| now, &mut durable::entropy())?;
        self.reads("maria2", &[(entry, Reads::Words)], "2026-09-17T10:00:00+01:00")?;
        self.found_by("maria2", &[])?;
        self.stage = before;
        Ok(())
    }

    /// What one person cannot do alone, with the whole computer and every key on it.
    fn alone(&mut self) -> Result<(), Failure> {
        self.say("\nNow one person with the whole computer, and every key on it, would like to decide alone.\n")?;
        let copy = self.stage.copy(&self.root.join("alone"))?;
        let eve = copy.join("Eve Stone", "eve")?;
        let at = "2026-09-16T09:00:00+01:00";
        let now = clock(at)?;
        let enrolling = Enrolling { role: Role::Leader, handle: None, renews: None };
        let (change, _) = copy.desk("maria")?.enrol(&card(&eve)?, enrolling, &|| now, &mut durable::entropy())?;
        let entry = change.entered.number;
        let forged = Forged::confirmation(&copy, "maria", entry, now)?;
        let report = look(&forged.log, Held::default())?;
        let told = format!(
            "Maria enrols a leader of her own choice (entry {entry}) and, past the program's refusal, signs the second \
             person's word herself:"
        );
        self.shown("confirm_alone", &told, &report, History::Invalid, &[(forged.entry, Code::RoleInvalid)])?;
        let copy = self.stage.copy(&self.root.join("revoked"))?;
        let forged = Forged::with_old_key(&copy, "jon", now)?;
        let report = look(&forged.log, Held { keys: copy.desk("maria")?.keys(), ..Held::default() })?;
        let told = "Somebody writes on with the stolen key, past the program's refusal:";
        self.shown("revoked_key", told, &report, History::Invalid, &[(forged.entry, Code::KeyNotEnrolled)])
    }

    fn enrol(&mut self, by: &str, handle: &str, role: Role, renews: Option<u64>, at: &str) -> Result<Change, Failure> {
        let now = clock(at)?;
        let card = card(&self.stage.identity(handle)?)?;
        let enrolling = Enrolling { role, handle: None, renews };
        let (change, _) = self.stage.desk(by)?.enrol(&card, enrolling, &|| now, &mut durable::entropy())?;
        let waits = if change.waits { ": it waits for a second person" } else { "" };
        self.told(at, by, &format!("enrols {handle} as {} (entry {}){waits}", role.code(), change.entered.number))?;
        Ok(change)
    }

    fn confirm(&self, by: &str, entry: u64, at: &str) -> Result<u64, LedgerError> {
        let now = clock(at).map_err(|_| LedgerError::NoEntry(entry))?;
        let mut desk = self.stage.desk(by).map_err(|_| LedgerError::NotEnrolled)?;
        Ok(desk.confirm(entry, "agrees", &|| now, &mut durable::entropy())?.number)
    }

    fn grant(&mut self, who: &str, case: CaseTag, folder: Folder, at: &str) -> Result<u64, Failure> {
        let (now, person) = (clock(at)?, self.stage.identity(who)?.person());
        let granting = Granting { person, case: Some(case), folders: &[folder], profile: "cover", until: None };
        let entered = self.stage.desk("maria")?.grant(granting, &|| now, &mut durable::entropy())?;
        self.told(at, "maria", &format!("lets {who} read {} (entry {})", folder.name(), entered.number))?;
        Ok(entered.number)
    }

    fn concern(&mut self, who: &str, folder: &str, at: &str) -> Result<u64, Failure> {
        let played = self.stage.enter(who, at, &concern(folder, at))?;
        self.told(at, who, &format!("writes in {folder} (entry {})", played.number))?;
        Ok(played.number)
    }

    /// Lets somebody open entries, and fails loudly if they read more or less than they should.
    fn reads(&mut self, who: &str, entries: &[(u64, Reads)], at: &str) -> Result<(), Failure> {
        let now = clock(at)?;
        for (entry, expected) in entries {
            let opened = match self.stage.desk(who) {
                Ok(mut desk) => opens(&mut desk, *entry, now)?,
                Err(_) => false,
            };
            if opened != matches!(expected, Reads::Words) {
                return Err(broken(format!("entry {entry} is open to {who}: {opened}")));
            }
            let what = if opened { "opens" } else { "cannot open" };
            self.told(at, who, &format!("{what} entry {entry}"))?;
        }
        Ok(())
    }

    /// Verifies with the structure that an overseer opens, and fails loudly if other findings are there than these.
    fn found(&mut self, wanted: &[(u64, Code)]) -> Result<(), Failure> {
        self.found_by("maria", wanted)
    }

    fn found_by(&mut self, who: &str, wanted: &[(u64, Code)]) -> Result<(), Failure> {
        let keys = self.stage.desk(who)?.keys();
        let report = look(&self.stage.log()?, Held { keys, ..Held::default() })?;
        let found: Vec<(u64, Code)> = report.findings.iter().map(|finding| (finding.entry, finding.code)).collect();
        if found != wanted {
            return Err(broken(format!("{:?}", report.findings)));
        }
        let mut text = format!("{}, entries 0 to {}", report.history.name(), report.size.0.saturating_sub(1));
        for (entry, code) in wanted {
            text += &format!("; {entry}: {code}");
        }
        self.say(&format!("  {:<20}   {:<7}  {text}\n", "", "verify"))
    }

    fn told(&mut self, at: &str, who: &str, what: &str) -> Result<(), Failure> {
        let time = indelible::rules::clock::for_people(clock(at)?);
        self.say(&format!("  {time:<20}  {who:<7}  {what}\n"))
    }

    /// The entry that enrolled the newest key of somebody.
    fn enrolled(&self, handle: &str) -> Result<u64, Failure> {
        let author = self.stage.identity(handle)?.author();
        let desk = self.stage.desk("maria")?;
        desk.roster().enrolment(author.as_bytes()).map(|one| one.entry).ok_or_else(|| broken("nobody was enrolled"))
    }
}

fn opens(desk: &mut Desk, entry: u64, now: i64) -> Result<bool, Failure> {
    desk.at_time(now);
    match desk.show(entry, Some("own_work"), &|| now, &mut durable::entropy()) {
        Ok(shown) => Ok(shown.opened),
        Err(
            LedgerError::NotReader
            | LedgerError::Retired
            | LedgerError::NoStructureKey
            | LedgerError::Refused(Code::KeyNotEnrolled),
        ) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

fn concern(folder: &str, at: &str) -> Json {
    json!({"kind": "concern.observed", "case": "theo", "folder": folder, "learned_at": at, "hold_check": "no",
           "concern_type": "other", "narrative": "He asked twice who would fetch him.", "reasons": "It is new."})
}
