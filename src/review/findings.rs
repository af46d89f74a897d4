//! The flags of one entry: those that follow from itself, its recorded time, and the entry before it.

use crate::codec::Digest;
use crate::decision::gap::{Facts, Flag, Gap, GapLevel};
use crate::rules::clock;
use crate::rules::pack::Pack;
use crate::rules::rulebook::Rulebook;

/// A flag of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The flag.
    pub flag: Flag,
    /// Of INCOMPLETE: what is open, at least one.
    pub gaps: Vec<Gap>,
    /// Of LATE: on how many days after it was learned it was written.
    pub days: u64,
}

/// The rules that an entry is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Under<'a> {
    /// All that were adopted.
    pub rules: &'a Rulebook,
    /// The pack that the entry was written under.
    pub pack: &'a Digest,
    /// The policy that it was written under; zero for none.
    pub policy: &'a Digest,
}

/// Returns the flags of an entry that was recorded at `recorded_ms`, after one recorded at `previous_ms`.
///
/// INCOMPLETE is that of the entry alone: a later entry that completes it closes it.
#[must_use]
pub fn flags(under: Under<'_>, facts: &Facts<'_>, recorded_ms: i64, previous_ms: Option<i64>) -> Vec<Finding> {
    let pack = under.rules.pack(under.pack);
    let plain = |flag| Finding { flag, gaps: Vec::new(), days: 0 };
    let mut findings = Vec::new();
    if let Some(days) = late(under, facts, recorded_ms) {
        findings.push(Finding { days, ..plain(Flag::Late) });
    }
    let gaps = open_gaps(pack, facts);
    if !gaps.is_empty() {
        findings.push(Finding { gaps, ..plain(Flag::Incomplete) });
    }
    if facts.is_emergency(pack) {
        findings.push(plain(Flag::Emergency));
    }
    if previous_ms.is_some_and(|previous| recorded_ms < previous) {
        findings.push(plain(Flag::ClockBack));
    }
    findings
}

/// Returns on how many days after it was learned the entry was written, if that is later than the rules allow.
fn late(under: Under<'_>, facts: &Facts<'_>, recorded_ms: i64) -> Option<u64> {
    if !facts.learned.is_some() {
        return None;
    }
    let clock = under.rules.clock(under.pack, under.policy, "LATE", "written")?;
    let due = clock.due(under.rules.working_days_at(recorded_ms), facts.learned.milliseconds);
    clock::is_after(recorded_ms, due).then(|| days_between(facts.learned.milliseconds, recorded_ms))
}

/// Returns how many days in London lie between two instants in milliseconds UTC; 0 where the second is no later day.
pub(super) fn days_between(from: i64, to: i64) -> u64 {
    let days = clock::london_day(to).signed_duration_since(clock::london_day(from)).num_days();
    u64::try_from(days).unwrap_or(0)
}

/// Gaps of an entry that stands in the ledger: whatever was always wanted then, an entry that is there keeps it as
/// open.
fn open_gaps(pack: &Pack, facts: &Facts<'_>) -> Vec<Gap> {
    let mut gaps = facts.gaps(pack);
    gaps.iter_mut().for_each(|gap| gap.level = GapLevel::BeforeAct);
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{KindNumber, RelationNumber, ShortText};
    use crate::decision::value::{Content, FieldId, Moment, Value};
    use crate::rules::pack::BUILT_IN;

    fn at(text: &str) -> i64 {
        Moment::parse(text).unwrap().milliseconds
    }

    fn facts<'a>(kind: &str, learned: &str, values: &'a [Value]) -> Facts<'a> {
        Facts {
            kind: KindNumber::of(kind).unwrap(),
            happened: true,
            occurred: Moment::NONE,
            learned: Moment::parse(learned).unwrap(),
            values,
            relations: Vec::new(),
            behind: &[],
        }
    }

    fn built_in(rules: &Rulebook) -> Under<'_> {
        Under { rules, pack: &Digest::ZERO, policy: &Digest::ZERO }
    }

    fn late_days(learned: &str, recorded: &str) -> Option<u64> {
        let rules = Rulebook::new(Pack::parse(BUILT_IN).unwrap());
        let findings = flags(built_in(&rules), &facts("discussion", learned, &[]), at(recorded), None);
        findings.iter().find(|finding| finding.flag == Flag::Late).map(|finding| finding.days)
    }

    #[test]
    fn late_is_after_the_end_of_the_next_working_day() {
        assert_eq!(late_days("2026-10-06 10:42", "2026-10-06 12:05"), None);
        assert_eq!(late_days("2026-10-06 10:42", "2026-10-07 23:59:59"), None);
        assert_eq!(late_days("2026-10-06 10:42", "2026-10-08 00:00"), Some(2));
        assert_eq!(late_days("2026-11-03 11:25", "2026-11-05 10:00"), Some(2));
        // Over a weekend, over Christmas, and where only the day is known.
        assert_eq!(late_days("2026-11-06 17:00", "2026-11-09 09:00"), None);
        assert_eq!(late_days("2026-12-24", "2026-12-29 18:00"), None);
        assert_eq!(late_days("2026-12-24", "2026-12-30 09:00"), Some(6));
    }

    #[test]
    fn a_setting_that_gives_itself_less_time_is_late_earlier() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let text = crate::rules::policy::Policy::built_in("policy-000").unwrap();
        let text = text.replace("[clocks]", "[clocks]\n\"LATE/written\" = \"eod\"");
        let policy = crate::rules::policy::Policy::parse(&text, &pack).unwrap();
        let mut rules = Rulebook::new(pack);
        let own = Digest::new([7; 32]);
        rules.add_policy(own, policy);
        let learned = facts("discussion", "2026-10-06 10:42", &[]);
        let late = |policy: &Digest| {
            let under = Under { rules: &rules, pack: &Digest::ZERO, policy };
            flags(under, &learned, at("2026-10-07 12:00"), None).iter().any(|finding| finding.flag == Flag::Late)
        };
        assert!(late(&own) && !late(&Digest::ZERO));
    }

    #[test]
    fn gaps_emergencies_and_clocks_are_seen_from_structure_alone() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let code = |path: &str, code: &str| Value {
            field: FieldId(pack.id_of(path).unwrap()),
            position: 0,
            content: Content::Code(ShortText::new(code).unwrap()),
        };
        let values = [code("risk_level", "RL-4"), code("recipient.agency", "AG-HOSP")];
        let mut share = facts("decision.share", "2026-10-06 10:42", &values);
        let recorded = at("2026-10-06 12:05");
        let rules = Rulebook::new(pack);
        let findings = flags(built_in(&rules), &share, recorded, Some(recorded + 1));
        let found: Vec<Flag> = findings.iter().map(|finding| finding.flag).collect();
        assert_eq!(found, [Flag::Incomplete, Flag::Emergency, Flag::ClockBack]);
        let open = &findings[0].gaps;
        assert!(open.iter().all(|gap| gap.level == GapLevel::BeforeAct));
        assert!(open.iter().any(|gap| gap.field == "recipient.verified"));
        assert!(open.iter().any(|gap| gap.field == "occurred_at"));
        share.relations.push(RelationNumber::of("completes").unwrap());
        let findings = flags(built_in(&rules), &share, recorded, Some(recorded));
        assert_eq!(findings.iter().map(|finding| finding.flag).collect::<Vec<_>>(), [Flag::Emergency]);
        assert!(flags(built_in(&rules), &Facts { kind: KindNumber(9999), ..share }, i64::MAX, None).len() <= 1);
    }

    #[test]
    fn every_flag_stands_in_the_pack() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let list = pack.list("FLAG").unwrap();
        for flag in [Flag::Late, Flag::Incomplete, Flag::Emergency, Flag::ClockBack] {
            assert!(list.find(flag.code()).is_some());
        }
    }
}
