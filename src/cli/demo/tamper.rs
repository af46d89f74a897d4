//! Tampering, on copies, by somebody with the whole computer and every key on it: each attempt has to be named.

use indelible::head::note::Note;
use indelible::ledger::witness::WitnessError;
use indelible::ledger::witness::evidence::{Evidence, Verdict as Shown};
use indelible::store::durable;
use indelible::verify::report::{Code, History, Report};
use serde_json::json;

use crate::cli::demo::stage::{Stage, broken, disk};
use crate::cli::demo::{Demo, FOUNDED, Held, autumn, look, story};
use crate::cli::failure::Failure;
use crate::cli::verdict::{Verdict, wrap};

/// Bytes of a frame before its structure part: header and envelope.
const BEFORE_STRUCTURE: u64 = 9 + 145;

impl Demo<'_, '_> {
    pub(super) fn tamper(&mut self) -> Result<(), Failure> {
        self.say("\nNow somebody with the whole computer, and every key on it, would like it otherwise.\n")?;
        let log = self.stage.log()?;
        let last = self.last()?;
        let known = self.stage.ledger()?.best_note(last)?;
        let known = std::slice::from_ref(&known);
        self.flip(&log)?;
        self.drop_last(&log, known)?;
        self.swap(&log)?;
        self.write_again(known)?;
        self.fork()
    }

    /// The number of the last entry.
    fn last(&self) -> Result<u64, Failure> {
        Ok(self.stage.ledger()?.size().saturating_sub(1))
    }

    fn flip(&mut self, log: &[u8]) -> Result<(), Failure> {
        let at = offset(&self.stage, 13)? + usize::try_from(BEFORE_STRUCTURE).unwrap_or(0) + 60;
        let mut copy = log.to_vec();
        *copy.get_mut(at).ok_or_else(|| broken("no such byte"))? ^= 1;
        let report = look(&copy, Held::default())?;
        let told =
            format!("One bit of entry 13 is flipped, at byte {at} of the log. Nobody's key is needed to see it:");
        self.shown("flip", &told, &report, History::Invalid, &[(13, Code::Sealed)])
    }

    fn drop_last(&mut self, log: &[u8], known: &[Note]) -> Result<(), Failure> {
        let last = self.last()?;
        let end = offset(&self.stage, last)?;
        let copy = log.get(..end).unwrap_or_default();
        let report = look(copy, Held { known, ..Held::default() })?;
        let told =
            "The last entry is cut off. What is left fits together, but the inspector holds the last checkpoint:";
        self.shown("drop", told, &report, History::Truncated, &[(last, Code::Truncated)])
    }

    fn swap(&mut self, log: &[u8]) -> Result<(), Failure> {
        let [first, second, end] = [offset(&self.stage, 12)?, offset(&self.stage, 13)?, offset(&self.stage, 14)?];
        let pieces = [log.get(..first), log.get(second..end), log.get(first..second), log.get(end..)];
        let copy: Vec<u8> = pieces.into_iter().flatten().flatten().copied().collect();
        let report = look(&copy, Held::default())?;
        let told = "Entries 12 and 13 are swapped, so that the decision would come before the refusal it rests on:";
        self.shown("swap", told, &report, History::Invalid, &[(12, Code::Order)])
    }

    /// A second ledger under the same name: every entry signed anew, one of them saying something else.
    fn write_again(&mut self, known: &[Note]) -> Result<(), Failure> {
        let other = Stage::found(&self.root.join("written-again"), FOUNDED)?;
        for step in story::hurt().into_iter().chain(story::refused(true)) {
            other.enter(step.who, step.at, &step.draft)?;
        }
        other.more_cases()?;
        for step in autumn::consent() {
            other.enter(step.who, step.at, &step.draft)?;
        }
        other.try_to_share()?;
        for step in autumn::advice().into_iter().chain(autumn::access()).chain(autumn::notified()) {
            other.enter(step.who, step.at, &step.draft)?;
        }
        other.nil_return()?;
        let last = self.last()?;
        let log = other.log()?;
        let alone = look(&log, Held::default())?;
        if alone.history != History::Unaltered {
            return Err(broken("the ledger that was written again does not hold together"));
        }
        let trust = self.trust.clone();
        let report = look(&log, Held { trust: Some(&trust), known, ..Held::default() })?;
        let told = format!(
            "The whole history is written again with new keys; only entry {} now says that all is well. Alone it holds \
             together, which is why an inspector brings a trust file and a checkpoint from outside:",
            story::ALTERED
        );
        self.shown("write_again", &told, &report, History::Forked, &[(0, Code::LogKey), (last, Code::Fork)])
    }

    /// Two continuations of one history, both signed with the real keys.
    fn fork(&mut self) -> Result<(), Failure> {
        let (at, next) = ("2026-11-27T16:45:00+00:00", self.last()? + 1);
        let one = self.stage.copy(&self.root.join("fork-one"))?;
        let two = self.stage.copy(&self.root.join("fork-two"))?;
        for (stage, otherwise) in [(&one, false), (&two, true)] {
            let step = story::answer(otherwise);
            stage.enter(step.who, step.at, &step.draft)?;
        }
        let chair = self.witnesses.first().ok_or_else(|| broken("no witness"))?;
        one.cosign(chair, next, at)?;
        let refused = two.ask(chair, next, at)?;
        let Err(WitnessError::Fork { evidence, .. }) = refused else {
            return Err(broken("the witness did not refuse a second history"));
        };
        let bytes = durable::read(&evidence, 1 << 20).map_err(disk)?;
        let shown = Evidence::parse(&bytes).map_err(broken)?.check(two.ledger()?.log_key());
        if !matches!(shown, Shown::Fork { .. }) {
            return Err(broken("the evidence does not prove the fork"));
        }
        let known = [one.ledger()?.best_note(next)?];
        let report = look(&two.log()?, Held { known: &known, ..Held::default() })?;
        let told = "Two histories grow out of one, both signed with the real keys: in one of them social care opens an \
                    enquiry, in the other it does nothing. The chair's witness has cosigned the first and refuses the \
                    second. It keeps both checkpoints, signed by the same key: evidence that needs no ledger. And \
                    whoever holds the first checkpoint sees it in the second ledger:";
        self.shown("fork", told, &report, History::Forked, &[(next, Code::Fork)])
    }

    /// Shows what was found, and fails loudly if it is not what was done.
    pub(super) fn shown(
        &mut self,
        name: &str,
        told: &str,
        report: &Report,
        history: History,
        wanted: &[(u64, Code)],
    ) -> Result<(), Failure> {
        let [sentence, _] = Verdict { report, roll: None }.sentences();
        let mut text = format!("\n{}{}", wrap(&format!("* {told}"), "  "), wrap(&format!("  {sentence}"), "  "));
        for (entry, code) in wanted {
            text += &wrap(&format!("  -> entry {entry}: {} ({code})", code.words()), "     ");
        }
        self.say(&text)?;
        let named = |(entry, code): &(u64, Code)| {
            report.findings.iter().any(|finding| (finding.entry, finding.code) == (*entry, *code))
        };
        if report.history != history || report.exit_code() != 3 || !wanted.iter().all(named) {
            return Err(broken(format!("{name} was not named: {:?}", report.findings)));
        }
        let findings: Vec<_> =
            wanted.iter().map(|(entry, code)| json!({"entry": entry, "code": code.name()})).collect();
        self.tried.push(json!({"what": name, "history": history.name(), "findings": findings}));
        Ok(())
    }
}

/// Where an entry's write begins in the log.
fn offset(stage: &Stage, entry: u64) -> Result<usize, Failure> {
    let offset = stage.ledger()?.entry(entry)?.offset();
    usize::try_from(offset).map_err(broken)
}
