//! One form, several entries: the drafts of an answer sheet are checked together, signed in one act and entered in one
//! write, so that a crash leaves all of them or none.

use std::cell::Cell;
use std::collections::BTreeSet;

use rand_core::CryptoRng;

use crate::cabinet::Durable;
use crate::cabinet::chain::Chain;
use crate::cabinet::drafts::DraftId;
use crate::codec::{KindNumber, StatementId};
use crate::decision::decision::{Decision, Reference};
use crate::decision::draft::Draft;
use crate::decision::form::{self, Form};
use crate::decision::gap::{Flag, Gap, GapLevel};
use crate::decision::view::View;
use crate::entry::statement::{Body, UNKNOWN};
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::record::{Outcome, by_hand};
use crate::review::gate::Stop;
use crate::rules::pack::Pack;
use crate::store::disk::Disk;

/// What became of an answer sheet.
#[derive(Debug)]
pub enum FormOutcome {
    /// Its entries are durable, all in one write.
    Entered {
        /// The entries, in order.
        entries: Vec<FormEntry>,
        /// What a rule stopped; it held up nothing else.
        held: Vec<Held>,
        /// Whether they were entered before, under the same id.
        again: bool,
    },
    /// It lacks something or cannot be understood: kept whole, sealed to its author. Nothing of it is entered.
    Gaps {
        /// Where it is kept.
        draft: DraftId,
        /// Everything that is missing or wrong, in the route's words.
        gaps: Vec<Gap>,
    },
    /// A rule stops it: kept whole, sealed to its author. Nothing of it is entered.
    Stopped {
        /// Where it is kept.
        draft: DraftId,
        /// Which kinds are stopped, and by which rules.
        stops: Vec<(KindNumber, Stop)>,
    },
    /// Its statements are signed and kept in the outbox: this machine cannot append now, or the write failed.
    Waiting {
        /// Why.
        why: Box<LedgerError>,
    },
    /// Its id stands for something else.
    IdUsed {
        /// Where it is kept.
        draft: DraftId,
        /// That entry.
        entry: u64,
    },
}

/// One entry of a form.
#[derive(Debug)]
pub struct FormEntry {
    /// Its kind.
    pub kind: KindNumber,
    /// Number, time and receipt.
    pub entered: Entered,
    /// What stays open.
    pub gaps: Vec<Gap>,
    /// Flags that follow from what it says.
    pub flags: Vec<Flag>,
}

/// A draft of a form that was not entered with the others.
#[derive(Debug)]
pub struct Held {
    /// Its kind.
    pub kind: KindNumber,
    /// Where it is kept.
    pub draft: DraftId,
    /// The rule that stops it; none for one that speaks of a draft that is stopped.
    pub stop: Option<Stop>,
}

/// The drafts of a form that may be entered, and those that may not.
struct Sorted {
    form: Form,
    decisions: Vec<Decision>,
    /// Drafts by their place in the whole form, with the rule that stops each and the decision that it was.
    held: Vec<(usize, Option<Stop>, Decision)>,
    /// The place that each draft of `form` has in the whole form.
    places: Vec<usize>,
}

enum Sorting {
    Ready(Sorted),
    Gaps(Vec<Gap>),
    Stopped(Vec<(KindNumber, Stop, Decision)>),
}

impl<D: Disk> Desk<D> {
    /// Checks every draft of an answer sheet, signs them in one act and enters them in one write. `kept` is where the
    /// sheet was kept; what is entered, or signed and waits, is kept no longer.
    ///
    /// With a gap that nothing can be entered without, nothing of the form is entered and the whole sheet is kept. What a
    /// rule stops is kept the same way, unless something in the form may never be held up: that is entered with all else
    /// that may be, and only what is stopped is kept.
    ///
    /// # Errors
    /// Those that keep anything from being entered; the sheet is kept, or the statements are in the outbox.
    pub fn record_form(
        &mut self,
        kept: Option<DraftId>,
        sheet: &Draft,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<FormOutcome, LedgerError> {
        let before = kept.and_then(|id| self.draft(id).ok());
        let known = before.as_ref().and_then(|before| StatementId::parse(before.id()?));
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let sheet = sheet.identified(known.unwrap_or_else(|| StatementId::new(id)));
        let at = now();
        let mut chain = self.take_chain(now)?;
        let whole = match form::form(&sheet, &self.pack, self.identity.person(), at) {
            Ok(whole) => whole,
            Err(gaps) => return self.kept_with(kept, &sheet, gaps, at, rng),
        };
        let failed = Cell::new(None);
        let stops = |decision: &Decision| match self.pass_gate(decision, at) {
            Ok((passed, _)) => passed.err(),
            Err(why) => {
                failed.set(Some(why));
                None
            }
        };
        let sorting = sorted(&whole, &self.pack, self, &stops, at);
        if let Some(why) = failed.take() {
            return Err(why);
        }
        let sorted = match sorting {
            Sorting::Ready(sorted) => sorted,
            Sorting::Gaps(gaps) => return self.kept_with(kept, &sheet, gaps, at, rng),
            Sorting::Stopped(stops) => {
                let draft = self.keep_as(kept, &sheet, at, rng)?;
                for (_, stop, decision) in &stops {
                    self.say_stopped(draft, stop, decision, &mut chain, now, rng)?;
                }
                chain.save(Durable::Later)?;
                let stops = stops.into_iter().map(|(kind, stop, _)| (kind, stop)).collect();
                return Ok(FormOutcome::Stopped { draft, stops });
            }
        };
        if let Some(outcome) = self.entered_before(kept, &sheet, &sorted, at, rng)? {
            return Ok(outcome);
        }
        let outcome = self.enter_form(&whole, sorted, &mut chain, now, rng)?;
        chain.save(Durable::Later)?;
        if let Some(id) = kept {
            self.drop_draft(id)?;
        }
        Ok(outcome)
    }

    fn kept_with(
        &self,
        kept: Option<DraftId>,
        sheet: &Draft,
        gaps: Vec<Gap>,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<FormOutcome, LedgerError> {
        Ok(FormOutcome::Gaps { draft: self.keep_as(kept, sheet, now, rng)?, gaps })
    }

    /// Looks whether the sheet was entered before: all of it or nothing stands in the ledger.
    fn entered_before(
        &mut self,
        kept: Option<DraftId>,
        sheet: &Draft,
        sorted: &Sorted,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<FormOutcome>, LedgerError> {
        let key = self.structure_key()?.clone();
        let (mut entries, mut digests) = (Vec::new(), Vec::new());
        let mut used = None;
        for decision in &sorted.decisions {
            let Some(id) = decision.statement_id() else { continue };
            let Some(entry) = self.ledger.find_statement(&key, &id)? else { continue };
            let mut said = decision.clone();
            let same = said.point(&digests) && self.says_the_same(entry, &said)?;
            used = used.or(Some(entry).filter(|_| !same));
            digests.push(self.ledger.entry(entry)?.envelope().statement);
            let (gaps, flags) = (decision.gaps().to_vec(), decision.flags().to_vec());
            entries.push(FormEntry { kind: decision.kind(), entered: self.ledger.entered(entry)?, gaps, flags });
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let missing = (entries.len() < sorted.decisions.len()).then(|| entries.first().map(|one| one.entered.number));
        if let Some(entry) = used.or(missing.flatten()) {
            return Ok(Some(FormOutcome::IdUsed { draft: self.keep_as(kept, sheet, now, rng)?, entry }));
        }
        if let Some(id) = kept {
            self.drop_draft(id)?;
        }
        Ok(Some(FormOutcome::Entered { entries, held: Vec::new(), again: true }))
    }

    /// Seals, signs and enters what may be; then keeps what may not.
    fn enter_form(
        &mut self,
        whole: &Form,
        sorted: Sorted,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<FormOutcome, LedgerError> {
        let Sorted { form, decisions, held, places } = sorted;
        let mut told = Vec::new();
        let mut ready = Vec::new();
        for (at, decision) in decisions.into_iter().enumerate() {
            if let Some(first) = self.keep_out(&decision, None, now(), rng)? {
                self.enter_first(first, chain, now, rng)?;
            }
            let folder = self.folder_key(&decision)?;
            let (_, hints) = self.pass_gate(&decision, now())?;
            let gaps = decision.gaps().iter().cloned().chain(hints).collect();
            told.push((at, gaps, decision.flags().to_vec()));
            ready.push((decision, folder, now()));
        }
        let (authored, failed) = self.author(ready, chain, rng)?;
        if let Some(why) = failed {
            // Nothing was sent, and the count of this author was not written down: all or none.
            return Err(why);
        }
        let mut outcomes = Vec::new();
        self.send_group(told, authored, chain, now, &mut outcomes, &mut |_, _| ())?;
        let (mut entries, mut waiting) = (Vec::new(), None);
        for ((_, outcome), part) in outcomes.into_iter().zip(form.parts()) {
            match outcome {
                Outcome::Entered { entered, gaps, flags, .. } => {
                    entries.push(FormEntry { kind: part.kind(), entered: *entered, gaps, flags });
                }
                Outcome::Waiting { why } => waiting = waiting.or(Some(why)),
                _ => {}
            }
        }
        let number = |draft: usize| {
            let at = places.iter().position(|place| *place == draft)?;
            entries.get(at).map(|entry| entry.entered.number)
        };
        let mut kept_back = Vec::new();
        for (place, stop, decision) in held {
            let Some(part) = whole.parts().get(place) else { continue };
            let draft = self.keep(&part.alone(number), now(), rng)?;
            if let Some(stop) = &stop {
                self.say_stopped(draft, stop, &decision, chain, now, rng)?;
            }
            kept_back.push(Held { kind: part.kind(), draft, stop });
        }
        Ok(match waiting {
            Some(why) => FormOutcome::Waiting { why },
            None => FormOutcome::Entered { entries, held: kept_back, again: false },
        })
    }

    /// Enters that a rule stopped a kept draft, once for each draft and rule.
    fn say_stopped(
        &mut self,
        id: DraftId,
        stop: &Stop,
        decision: &Decision,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), LedgerError> {
        let kept = self.draft(id)?;
        let Some(says) = self.says_of(id, &kept, (stop.rule, stop.by), Some(decision), now())? else { return Ok(()) };
        match self.enter_first(says, chain, now, rng) {
            // Signed, it waits in the outbox.
            Ok(_) | Err(LedgerError::NoLogKey | LedgerError::LogKeyUnread(_)) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// Returns the number of an entry that another one refers to; `number` and `body` are of the one that refers.
    ///
    /// Statements that were signed in one act name each other by digest alone, since none had a number yet. They stand
    /// behind what their author had seen and before the one that refers, so little is looked at.
    #[must_use]
    pub fn number_of(&self, number: u64, body: &Body, reference: &Reference) -> Option<u64> {
        if reference.entry != UNKNOWN {
            return Some(reference.entry);
        }
        let from = if body.seen.number == UNKNOWN { 0 } else { body.seen.number + 1 };
        let stands =
            |entry: &u64| self.ledger.entry(*entry).is_ok_and(|stored| stored.envelope().statement == reference.digest);
        (from..number).rev().find(stands)
    }
}

/// Tells what may be entered from what may not. What nothing may hold up is never held up by the rest.
fn sorted(whole: &Form, pack: &Pack, view: &dyn View, stop: &dyn Fn(&Decision) -> Option<Stop>, now: i64) -> Sorting {
    let own_command = |kind: KindNumber| {
        let gap = Gap::new("kind", GapLevel::Error, "is not written by hand", "use the command that is made for it");
        pack.kind_numbered(kind).is_none_or(|kind| !by_hand(kind)).then_some(gap)
    };
    let clerks: Vec<Gap> = whole.parts().iter().filter_map(|part| own_command(part.kind())).collect();
    let checked = whole.check(pack, view, now);
    if !clerks.is_empty() || checked.iter().any(Result::is_err) {
        return Sorting::Gaps(clerks.into_iter().chain(whole.gaps(pack, &checked)).collect());
    }
    let decisions: Vec<Decision> = checked.into_iter().filter_map(Result::ok).collect();
    let stops: Vec<Option<Stop>> = decisions.iter().map(stop).collect();
    let free = |decision: &Decision| decision.facts().never_held_up(pack);
    let mut held: BTreeSet<usize> = BTreeSet::new();
    for (place, (decision, stop)) in decisions.iter().zip(&stops).enumerate() {
        let speaks_of_held = decision.beside().any(|draft| held.contains(&draft));
        if stop.is_some() || speaks_of_held && !free(decision) {
            held.insert(place);
        }
    }
    let goes_on = decisions.iter().enumerate().any(|(place, decision)| !held.contains(&place) && free(decision));
    if !held.is_empty() && !goes_on {
        let stopped = whole.parts().iter().zip(stops).zip(decisions);
        let stopped = stopped.filter_map(|((part, stop), decision)| Some((part.kind(), stop?, decision)));
        return Sorting::Stopped(stopped.collect());
    }
    let form = whole.without(&held);
    let places = (0..decisions.len()).filter(|place| !held.contains(place)).collect();
    let mut kept_back = Vec::new();
    let mut ready = Vec::new();
    for (place, (decision, stop)) in decisions.into_iter().zip(stops).enumerate() {
        match held.contains(&place) {
            true => kept_back.push((place, stop, decision)),
            false => ready.push(decision),
        }
    }
    if !held.is_empty() {
        // What was said of the others is left out, and its place in the form is another.
        let again = form.check(pack, view, now);
        if again.iter().any(Result::is_err) {
            return Sorting::Gaps(form.gaps(pack, &again));
        }
        ready = again.into_iter().filter_map(Result::ok).collect();
    }
    Sorting::Ready(Sorted { form, decisions: ready, held: kept_back, places })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decision::value::Moment;
    use crate::decision::view::fake::FakeView;
    use crate::rules::pack::BUILT_IN;

    fn stop() -> Stop {
        let (says, way_past) = ("telling them may put someone at risk".to_owned(), "ask first".to_owned());
        Stop { rule: "hold_talk", says, way_past, by: None }
    }

    /// Sorts a form in which the drafts of these kinds are stopped.
    fn sort(sheet: &serde_json::Value, stopped: &[&str]) -> Sorting {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let view = FakeView::of("sam");
        let now = Moment::parse("2026-10-06 12:05").unwrap().milliseconds;
        let form = form::form(&Draft::from_json(sheet).unwrap(), &pack, view.author, now).unwrap();
        let stop = |decision: &Decision| decision.kind().name().filter(|kind| stopped.contains(kind)).map(|_| stop());
        sorted(&form, &pack, &view, &stop, now)
    }

    fn names(decisions: &[Decision]) -> Vec<&str> {
        decisions.iter().filter_map(|decision| decision.kind().name()).collect()
    }

    #[test]
    fn a_stop_holds_up_nothing_that_nothing_may_hold_up() {
        let emergency = json!({"route": "999", "answers": {"child": "theo", "what": "He collapsed.", "reference": "4471",
            "said": "his name, nut allergy", "family": "yes", "whom": "his mother", "told": "where he is"}});
        let Sorting::Ready(sorted) = sort(&emergency, &["family.told", "consent.notsought"]) else { panic!("held up") };
        assert_eq!(names(&sorted.decisions), ["info.received", "decision.share"]);
        assert_eq!(sorted.places, [0, 2]);
        // What it would have rested on is left out; what it decides has another place now.
        assert_eq!(sorted.decisions[1].beside().collect::<Vec<_>>(), [0]);
        let held: Vec<(usize, bool)> = sorted.held.iter().map(|(place, stop, _)| (*place, stop.is_some())).collect();
        assert_eq!(held, [(1, true), (3, true)]);

        // Where nothing of that sort is in it, the whole is kept.
        let school = json!({"route": "next_setting", "answers": {"child": "theo", "who": "Oak School", "known": "V-KNOWN",
            "said": "his journal", "left_out": "none", "ground": "safeguarding", "method": "M-POST"}});
        let Sorting::Stopped(stops) = sort(&school, &["decision.share"]) else { panic!("not stopped") };
        assert_eq!(stops.iter().map(|(kind, ..)| kind.name()).collect::<Vec<_>>(), [Some("decision.share")]);

        // What speaks of what is stopped is kept with it.
        let visitor = json!({"route": "health_visitor", "answers": {"child": "ezra", "who": "Dana F.", "known": "V-KNOWN",
            "channel": "phone", "want": "weight", "decide": "share", "why": "asked", "said": "his weight"}});
        let Sorting::Ready(sorted) = sort(&visitor, &["decision.share"]) else { panic!("the request waits") };
        assert_eq!((names(&sorted.decisions), sorted.held.len()), (vec!["request.received"], 1));
    }
}
