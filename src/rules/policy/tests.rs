use proptest::prelude::*;

use super::*;
use crate::rules::pack;

fn pack() -> Pack {
    Pack::parse(pack::BUILT_IN).unwrap()
}

fn day(text: &str) -> NaiveDate {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
}

fn read(name: &str) -> Policy {
    Policy::parse(Policy::built_in(name).unwrap(), &pack()).unwrap()
}

#[test]
fn five_policies_ship_and_each_says_where_it_departs_from_law() {
    let counts: Vec<(String, u64, usize)> = BUILT_IN
        .iter()
        .map(|(name, _)| {
            let policy = read(name);
            assert_eq!(policy.name(), *name);
            let conflicts = conflicts(&policy, &pack(), day("2026-11-01"));
            let texts = conflicts.iter().filter(|one| matches!(one, Conflict::Text(_))).count();
            assert_eq!(texts, policy.departures().len());
            ((*name).to_owned(), beyond_law(&conflicts), texts)
        })
        .collect();
    let expected =
        [("policy-000", 23, 9), ("policy-001", 0, 8), ("policy-002", 0, 7), ("policy-003", 0, 5), ("policy-004", 0, 6)];
    assert_eq!(counts, expected.map(|(name, days, texts)| (name.to_owned(), days, texts)));
    // What no text of the five says, and what only some of them say.
    let says = |name: &str, law: &str| read(name).departures().iter().any(|one| one.law.contains(law));
    for (name, _) in BUILT_IN {
        for law in ["section 164A", "Article 33", "Sch 3 para 21"] {
            assert!(says(name, law), "{name} {law}");
        }
    }
    let with = |law: &str| BUILT_IN.iter().filter(|(name, _)| says(name, law)).map(|(name, _)| &name[7..]).collect();
    let with: &dyn Fn(&str) -> Vec<&'static str> = &with;
    assert_eq!(with("in any way and to anybody"), ["000", "001"]);
    assert_eq!(with("paras 16 and 17"), ["000", "001"]);
    assert_eq!(with("whether there was a meeting"), ["000", "001"]);
    assert_eq!(with("safeguarding partners"), ["002"]);
    assert_eq!(with("April 2024"), ["001", "002"]);
    assert_eq!(with("section 16LA"), ["004"]);
    assert_eq!(with("Article 6(1)(ea)"), ["000", "002", "004"]);
}

#[test]
fn thirty_days_pass_the_law_on_23_days_that_are_named() {
    let found = conflicts(&read("policy-000"), &pack(), day("2026-11-01"));
    let Conflict::Access { days: 30, received } = &found[0] else { panic!("{:?}", found[0]) };
    let named: Vec<(NaiveDate, NaiveDate)> = [
        ("2027-01-31", "2027-02-05"),
        ("2027-02-07", "2027-02-12"),
        ("2027-02-14", "2027-02-19"),
        ("2027-02-21", "2027-02-25"),
    ]
    .map(|(from, to)| (day(from), day(to)))
    .to_vec();
    assert_eq!((received.len(), spans(received)), (23, named));
    assert_eq!(spans(&[]), []);
    // Adopted in spring, it passes no February but the next.
    assert_eq!(beyond_law(&conflicts(&read("policy-000"), &pack(), day("2027-03-01"))), 22);
}

#[test]
fn any_clock_that_passes_a_bound_of_the_law_is_found_with_its_days() {
    let with = |clocks: &str| {
        let text = Policy::built_in("policy-001").unwrap().replace("\"SAR-DUE/release\" = \"d 14\"", clocks);
        conflicts(&Policy::parse(&text, &pack()).unwrap(), &pack(), day("2026-11-01"))
    };
    let longer = with("\"BREACH-72H/ico\" = \"wd 3\"");
    let Conflict::Clock { own, law, source, begins } = &longer[0] else { panic!("{:?}", longer[0]) };
    assert_eq!((own.flag.as_str(), own.step.as_str(), own.clock), ("BREACH-72H", "ico", Clock::WorkingDays(3)));
    assert_eq!((*law, source.contains("33")), (Clock::Hours(72), true));
    // Three working days end later than 72 hours on every day, in its first second at the latest.
    assert_eq!((begins.len(), beyond_law(&longer)), (400, 400));
    for within in ["\"BREACH-72H/ico\" = \"h 48\"", "\"BREACH-72H/ico\" = \"h 72\"", "\"UNBACKED/backing\" = \"wd 3\""]
    {
        assert_eq!(beyond_law(&with(within)), 0, "{within}");
    }
    // Two clocks that pass it on the same days count each day once.
    let both = with("\"BREACH-72H/ico\" = \"h 73\"\n\"OFSTED-DUE/ofsted\" = \"d 15\"");
    assert_eq!((both.iter().filter(|one| !one.days().is_empty()).count(), beyond_law(&both)), (2, 400));
}

#[test]
fn a_policy_answers_for_its_setting() {
    let (first, second) = (read("policy-000"), read("policy-001"));
    assert_eq!(
        (first.access_days(), second.access_days(), read("policy-002").access_days()),
        (Some(30), Some(14), None)
    );
    assert_eq!((&first.access().reminder_days[..], &second.access().reminder_days[..]), (&[21, 25][..], &[10, 13][..]));
    assert!(first.access().clean_copy.must && !second.access().clean_copy.must);
    assert_eq!(
        (&first.access().told[..], &second.access().told[..]),
        (&["chair".to_owned()][..], &["owner".to_owned()][..])
    );
    assert_eq!(first.access().checks, ["leader", "chair"]);
    assert_eq!((read("policy-003").role_name("leader"), second.role_name("chair")), ("Head Teacher", "chair"));
    assert_eq!(first.substitutes("chair"), ["owner", "dsl", "deputy_dsl"]);
    assert!(first.substitutes("office").is_empty());
    assert_eq!(first.clock("UNBACKED", "backing"), None);
    let check = KindNumber::of("access.cleancopy.checked").unwrap();
    let step = first.procedures().iter().find(|step| step.kind == check).unwrap();
    assert_eq!((step.part, step.source.as_str(), step.who.len()), (Part::Checks, "line 51", 2));
    assert!(CleanCopyCheck::default().must && Policy::built_in("policy-005").is_none());
}

#[test]
fn the_manual_describes_every_key_and_its_examples_can_be_read() {
    let manual = include_str!("../../manual/policies.md");
    let mut examples = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let own = Policy::parse(examples.next().unwrap(), &pack()).unwrap();
    assert_eq!((own.access_days(), own.closings(), own.seen_stale_hours()), (Some(28), Closings::Week, 72));
    assert!(conflicts(&own, &pack(), day("2026-11-01")).is_empty());
    let year = crate::rules::calendar::SettingCalendar::parse(examples.next().unwrap(), &pack()).unwrap();
    assert!(year.is_open(day("2026-11-18")) && examples.next().is_none());
    for (name, text) in BUILT_IN {
        let policy: toml::Table = toml::from_str(text).unwrap();
        let known = |key: &String| manual.contains(&format!("`{key}`")) || manual.contains(&format!("[{key}]"));
        assert!(policy.keys().all(known), "{name}");
        assert!(manual.contains(&format!("`{name}`")), "{name}");
    }
}

fn refused(from: &str, to: &str) -> PackError {
    let text = Policy::built_in("policy-000").unwrap();
    assert!(text.contains(from), "{from}");
    Policy::parse(&text.replacen(from, to, 1), &pack()).unwrap_err()
}

#[test]
fn what_leads_nowhere_or_stands_twice_is_refused_with_its_line() {
    let line = |text: &str| {
        let policy = Policy::built_in("policy-000").unwrap();
        policy.lines().position(|line| line.contains(text)).unwrap() + 1
    };
    let error = refused("closings = \"day\"", "closing = \"day\"");
    assert!(error.what.contains("closing") && error.line == line("closings"), "{error}");
    let error = refused("\"SAR-DUE/release\" = \"d 30\"", "\"SAR-DUE/leave\" = \"d 30\"");
    assert!(error.what.contains("no step with a clock") && error.line == line("\"SAR-DUE"), "{error}");
    assert!(refused("\"SAR-DUE/release\"", "\"SAR-DUE\"").what.contains("no step with a clock"));
    let error = refused("\"d 30\"", "\"30 days\"");
    assert!(error.what.contains("no clock") && error.line == line("\"SAR-DUE"), "{error}");
    for clock in ["d 030", "d  30", "D 30", "d 30 rolling", "wd 70000", "h -1", "eod 1", "rolled"] {
        assert!(refused("\"d 30\"", &format!("\"{clock}\"")).what.contains("no clock"), "{clock}");
    }
    assert!(refused("\"SAR-DUE/release\"", "\"EMERGENCY/shown\"").what.contains("no step with a clock"));
    assert!(
        refused("\"SAR-DUE/release\" = \"d 30\"", "\"RETENTION-REVIEW/general\" = \"y 7\"")
            .what
            .contains("under retention")
    );
    assert!(refused("\"d 30\"", "\"wd 20\"").what.contains("in days"));
    assert!(refused("[clocks]", "[clocks]\n\"SAR-DUE/release\" = \"d 3\"").what.contains("duplicate"));
    assert!(refused("closings = \"day\"", "closings = \"term\"").what.contains("day, week"));
    assert!(refused("in_force = \"2026-09-01\"", "in_force = \"2026-9-1\"").what.contains("no day"));
    assert!(refused("name = \"policy-000\"", "name = \"Policy 000\"").what.contains("small letters"));
    assert!(refused("manager = \"Manager\"", "boss = \"Manager\"").what.contains("no role"));
    assert!(refused("designated = [\"dsl\"", "designated = [\"chair\"").what.contains("none of: dsl"));
    assert!(refused("told = [\"chair\"]", "told = [\"chair\", \"chair\"]").what.contains("twice"));
    assert!(refused("told = [\"chair\"]", "told = [\"head\"]").what.contains("no role"));
    assert!(refused("reminder_days = [21, 25]", "reminder_days = [25, 21]").what.contains("rising"));
    assert!(refused("{ by = [\"leader\", \"chair\"], must", "{ by = [], must").what.contains("nobody"));
    assert!(refused("must = true", "shall = true").what.contains("shall"));
    assert!(refused("leader = [\"deputy_dsl\", \"dsl\"]", "leader = [\"leader\"]").what.contains("stand in"));
    assert!(refused("role = \"dsl\"", "role = \"key_person\"").what.contains("twice"));
    assert!(refused("folders = [\"general\"]", "folders = [\"attic\"]").what.contains("no folder"));
    assert!(refused("folders = [\"general\"]", "folders = [\"staff\"]").what.contains("about them"));
    assert!(refused("kind = \"backing\"", "kind = \"back\"").what.contains("no kind"));
    assert!(refused("part = \"told\"", "part = \"hears\"").what.contains("none of"));
    assert!(refused("since = \"2026-06-19\"", "since = \"soon\"").what.contains("no day"));
    let keep =
        "[[retention]]\nclass = \"general\"\nfolders = [\"general\"]\nyears = 7\nfrom = [\"leaving\"]\nsource = \"\"\n";
    let with = |from: &str, to: &str| refused("[[grants]]", &format!("{}\n[[grants]]", keep.replacen(from, to, 1)));
    assert!(with("\"general\"", "\"toys\"").what.contains("RETENTION"));
    assert!(with("7", "0").what.contains("years"));
    assert!(with("[\"leaving\"]", "[]").what.contains("from"));
    assert!(with("[\"leaving\"]", "[\"arrival\"]").what.contains("none of"));
    let twice = "class = \"general\"\nfolders = []\nyears = 1\nfrom = [\"birth\"]\nsource = \"\"\n[[retention]]\nclass";
    assert!(with("class", twice).what.contains("twice"));
    let kept = Policy::parse(&(Policy::built_in("policy-000").unwrap().to_owned() + keep), &pack()).unwrap();
    assert_eq!((kept.retention()[0].years, kept.retention()[0].folders.as_slice()), (7, &[Folder::General][..]));
    assert!(Policy::parse("", &pack()).is_err() && Policy::parse(&" ".repeat(2 << 20), &pack()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changed_text_is_read_or_refused_and_never_panics(
        which in 0usize..5, at in 0usize..4000, length in 0usize..40, with in "[ -~\n]{0,8}",
    ) {
        let mut text = BUILT_IN[which].1.to_owned();
        let at = at.min(text.len());
        text.replace_range(at..(at + length).min(text.len()), &with);
        let lines = text.lines().count() + 1;
        match Policy::parse(&text, &pack()) {
            Ok(policy) => drop(conflicts(&policy, &pack(), day("2026-11-01"))),
            Err(error) => prop_assert!(error.line >= 1 && error.line <= lines),
        }
    }
}
