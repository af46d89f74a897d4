//! The receipt of a consent: what a parent said yes to, with the fields that ISO/IEC TS 27560:2023 asks of a consent
//! receipt, out of the entry, the entries it rests on and the ledger's own facts.

use rand_core::CryptoRng;
use serde_json::{Value as Json, json};

use crate::codec::{CaseTag, Digest, Folder, StatementId};
use crate::decision::value::{Content, Moment};
use crate::head::receipt::Receipt;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::ledger::show::Shown;
use crate::review::book::Book;
use crate::review::item::Standing;
use crate::rules::clock;
use crate::rules::codes::Code;
use crate::store::disk::Disk;

/// The kind that there are receipts of.
const CONSENT: &str = "consent.given";
/// The five things that a consent must be informed of, as the pack's group `explained` names them.
const EXPLAINED: [&str; 5] = ["why", "what", "who_sees", "purpose", "implications"];

/// The notice that a consent rests on.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// The entry that says it was given.
    pub entry: u64,
    /// Its version, where that was entered.
    pub version: Option<String>,
    /// Its hash.
    pub hash: Digest,
}

/// What a parent's receipt says. It holds words: whoever makes it has opened them, and that is an entry.
pub struct ConsentReceipt {
    /// The entry.
    pub entry: u64,
    /// The statement's own id: the record's id.
    pub record: StatementId,
    /// The digest of the statement: the receipt's id, which the log's proof is about.
    pub statement: Digest,
    /// When the parent said it.
    pub given: Moment,
    /// When it was recorded, in milliseconds UTC.
    pub recorded: i64,
    /// Until when it holds, if that was said.
    pub ends: Option<String>,
    /// The setting's name: the controller.
    pub setting: String,
    /// The ledger's origin.
    pub origin: String,
    /// The child, as the roll has it.
    pub child: String,
    /// The child's case: the id of whom the information is about.
    pub case: Option<CaseTag>,
    /// Who said yes.
    pub giver: String,
    /// The purpose: its code and words.
    pub purpose: (String, String),
    /// How it was said, in words.
    pub method: String,
    /// What was explained, in the order of the form; none where it was not written down.
    pub explained: [Option<String>; 5],
    /// Whether the parent was told that it may be taken back; none where that was not written down.
    pub withdrawal_explained: Option<bool>,
    /// The notice, where one was entered.
    pub notice: Option<Notice>,
    /// How long it is kept, in words: by the policy and the pack that it was entered under.
    pub retention: String,
    /// Where it stood when the receipt was made, by all that could be read then.
    pub standing: Option<Standing>,
    /// When that was, in milliseconds UTC.
    pub made: i64,
    /// The rule pack by which it was entered.
    pub pack: String,
    /// The proof that it was entered.
    pub receipt: Receipt,
}

impl<D: Disk> Desk<D> {
    /// Makes the receipt of a consent. Its words are opened, and the reading is entered as [`Desk::show`] does.
    ///
    /// # Errors
    /// `OtherKind` for an entry that is no `consent.given`; those of [`Desk::show`].
    pub fn consent_receipt(
        &mut self,
        entry: u64,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<ConsentReceipt, LedgerError> {
        let other = || LedgerError::OtherKind { entry, kind: CONSENT };
        let kind = self.statement(entry)?.1.and_then(|statement| statement.body().kind.name());
        if kind != Some(CONSENT) {
            return Err(other());
        }
        let shown = self.show(entry, Some("request"), now, rng)?;
        if !shown.opened {
            return Err(LedgerError::NotReader);
        }
        let body = shown.body.clone().ok_or_else(other)?;
        let text = |path: &str| text_at(&shown, path);
        let words = |list: &str, path: &str| {
            let code = text(path).unwrap_or_default();
            let known = self.pack.list(list).and_then(|list| list.find(&code));
            (code.clone(), known.map_or(code, |known: &Code| known.text.clone()))
        };
        let made = now();
        let kept = if body.folder() == Some(Folder::Protection) { "child_protection" } else { "general" };
        let retention = self.rules().keep(&body.pack, &body.policy, kept);
        let child = body.case.and_then(|case| self.roll.case(case));
        let notice = body.references.iter().find_map(|to| {
            let number = self.number_of(entry, &body, to)?;
            self.notice(number)
        });
        Ok(ConsentReceipt {
            entry,
            record: body.id,
            statement: shown.stored.envelope().statement,
            given: body.learned,
            recorded: shown.stored.envelope().recorded,
            ends: text("ends_at"),
            setting: self.roster.setting().to_owned(),
            origin: self.roster.origin().to_owned(),
            child: child.map(|line| line.label().to_owned()).unwrap_or_default(),
            case: body.case,
            giver: self.giver(&shown),
            purpose: words("PURPOSE", "purpose"),
            method: words("METHOD", "method").1,
            explained: EXPLAINED.map(|part| text(&format!("explained/{part}"))),
            withdrawal_explained: text("assured/withdrawal_explained").map(|said| said == "yes"),
            notice,
            retention: retention.map(|keep| keep.words()).unwrap_or_default(),
            standing: self.standing(entry, body.case, made)?,
            made,
            pack: format!("{} {}", self.pack.name(), self.pack.version()),
            receipt: self.ledger.receipt(entry)?,
        })
    }

    /// Where a consent stands at a time (milliseconds UTC), by what this device reads of its case.
    fn standing(&self, entry: u64, case: Option<CaseTag>, at: i64) -> Result<Option<Standing>, LedgerError> {
        let facts = self.facts_around(case)?;
        let roster = &self.roster;
        let roles = |person, entry, at| roster.roles(person, entry, at);
        let book = Book::open(&facts, self.rules(), &roles);
        Ok(book.fact(entry).map(|consent| book.standing(consent, at)))
    }

    /// The name of who said yes: of the roll, or as it was typed.
    fn giver(&self, shown: &Shown) -> String {
        let typed = text_at(shown, "giver").or_else(|| text_at(shown, "giver/name")).unwrap_or_default();
        self.roll.person_by_handle(&typed).map_or(typed, |line| line.name().to_owned())
    }

    fn notice(&self, entry: u64) -> Option<Notice> {
        let body = self.statement(entry).ok()?.1?.body().clone();
        if body.kind.name() != Some("notice.given") {
            return None;
        }
        let value = |name: &str| {
            let id = self.pack.id_of(name)?;
            body.values.iter().find(|value| value.field.0 == id).map(|value| value.content.clone())
        };
        let Some(Content::Hash(hash)) = value("document_hash") else { return None };
        let version = match value("version") {
            Some(Content::Text(version)) => Some(version.as_str().to_owned()),
            _ => None,
        };
        Some(Notice { entry, version, hash })
    }
}

fn text_at(shown: &Shown, path: &str) -> Option<String> {
    let (top, part) = path.split_once('/').unwrap_or((path, ""));
    let value = shown.fields.get(top)?;
    let value = if part.is_empty() { value } else { value.get(part)? };
    value.as_str().map(str::to_owned)
}

impl ConsentReceipt {
    /// Returns the receipt by the sections of ISO/IEC TS 27560:2023, with the entry's number and the log's proof. `contact`
    /// is how to reach the setting, which the ledger does not know.
    #[must_use]
    pub fn json(&self, contact: Option<&str>) -> Json {
        let [why, what, who_sees, purpose, implications] = &self.explained;
        let notice = self
            .notice
            .as_ref()
            .map(|notice| json!({"entry": notice.entry, "version": notice.version, "hash": notice.hash.to_string()}));
        let mut events = vec![
            json!({"state": "given", "time": self.given.typed(), "valid_until": self.ends, "method": self.method}),
        ];
        events.extend(self.standing.as_ref().and_then(|standing| {
            let (state, entry) = match standing {
                Standing::Withdrawn(entry) => ("withdrawn", Some(*entry)),
                Standing::Renewed(entry) => ("re-confirmed", Some(*entry)),
                Standing::Expired => ("expired", None),
                Standing::Disputed(entry) => ("invalidated", Some(*entry)),
                Standing::NotValid(_) => ("invalidated", None),
                Standing::Valid { .. } | Standing::Refused => return None,
            };
            Some(json!({"state": state, "entry": entry}))
        }));
        let stands = self.standing.as_ref().map(|standing| {
            json!({"state": standing.name(), "counts": standing.counts(), "at": clock::rfc3339(self.made, clock::london_offset(self.made))})
        });
        json!({
            "entry": self.entry,
            "standing": stands,
            "header": {
                "schema_version": "ISO/IEC TS 27560:2023",
                "record_id": self.record.to_string(),
                "receipt_id": self.statement.to_string(),
                "pii_principal_id": self.case.map(|case| case.base32()),
                "pii_principal": self.child,
            },
            "processing": {
                "privacy_notice": notice,
                "language": "en",
                "purpose": {"code": self.purpose.0, "text": self.purpose.1, "why": why, "explained": purpose},
                "lawful_basis": "UK GDPR Article 6(1)(a)",
                "pii_information": what,
                "pii_controllers": [self.setting],
                "storage_locations": [self.origin],
                "retention_period": self.retention,
                "jurisdiction": "GB-ENG",
                "recipient_third_parties": who_sees,
                "implications": implications,
                "withdrawal_method": WITHDRAWAL,
                "withdrawal_explained": self.withdrawal_explained,
            },
            "parties": [
                {"party_id": self.origin, "type": "pii_controller", "name": self.setting, "address": contact,
                 "contact": contact},
                {"party_id": self.giver, "type": "holder_of_parental_responsibility", "name": self.giver, "address": null,
                 "contact": null},
            ],
            "events": events,
            "rules": self.pack,
            "receipt": self.receipt.to_string(),
        })
    }
}

/// How a consent is taken back.
pub const WITHDRAWAL: &str = "Tell any member of staff that you take it back: in person, by telephone, by e-mail or in \
    writing, at any time. You need not say why, and nobody may treat you or your child differently for it. It counts from \
    the minute you say so. What was done before under your yes stays as it was.";
