//! The stories under `tests/scenarios/`: each is entered by its people at its times, and what the review says is compared
//! with what the story says. How such a file is written stands in its README.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime};
use indelible::codec::Folder;
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::ledger::desk::Desk;
use indelible::ledger::grants::Granting;
use indelible::ledger::people::Outsider;
use indelible::ledger::record::Outcome;
use indelible::review::book::Book;
use indelible::review::item::{Item, Review};
use indelible::review::look::{Look, review};
use indelible::review::retiring::Target;
use indelible::rules::clock;
use indelible::rules::pack::{BUILT_IN, Pack};
use indelible::rules::policy::Policy;
use indelible::rules::rulebook::Rulebook;
use indelible::store::durable;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::world::World;

/// What the program can do by now; entries and variations that wait for something else (`when`) are passed over.
const READY: [&str; 2] = ["gate", "policy-001"];
/// Flags that a story passes over unless it names them: they are about the setting and not about what it tells.
const OF_THE_SETTING: [&str; 2] = ["ONE-FOUNDER", "NIL-GAP"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    title: String,
    story: String,
    founded: String,
    #[serde(default = "committee")]
    setting: String,
    cases: BTreeMap<String, String>,
    #[serde(default)]
    roll: Vec<OnRoll>,
    entries: Vec<Step>,
    #[serde(default)]
    expect: Vec<Expect>,
    #[serde(default)]
    variations: Vec<Variation>,
}

fn committee() -> String {
    "committee".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnRoll {
    handle: String,
    name: String,
    is: String,
}

/// One thing that somebody enters.
#[derive(Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
struct Step {
    label: String,
    who: String,
    recorded: String,
    #[serde(default)]
    draft: Map<String, Json>,
    act: Option<Act>,
    gaps: Option<Vec<String>>,
    open: Option<Vec<String>>,
    stopped: Option<String>,
    when: Option<String>,
}

/// Something that has a command of its own.
#[derive(Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Act {
    CloseDay { from: String, to: String },
    Confirm(String),
    Propose(Vec<Meant>),
    Approve(String),
    Grant { person: String, case: String, folders: Vec<String> },
    EndRole { person: String, role: String },
}

#[derive(Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
struct Meant {
    case: String,
    folder: String,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Expect {
    at: String,
    #[serde(default)]
    items: Vec<Want>,
    #[serde(default)]
    none: Vec<String>,
    #[serde(default)]
    consents: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Want {
    flag: String,
    of: String,
    due: Option<String>,
    state: String,
    by: Option<String>,
    when: Option<String>,
    about: Option<String>,
    ready: Option<String>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Change {
    label: String,
    who: Option<String>,
    recorded: Option<String>,
    #[serde(default)]
    set: Map<String, Json>,
    gaps: Option<Vec<String>>,
    open: Option<Vec<String>>,
    stopped: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct Variation {
    name: String,
    drop: Vec<String>,
    change: Vec<Change>,
    add: Vec<Step>,
    switch: Option<String>,
    policy: Option<String>,
    when: Option<String>,
    expect: Vec<Expect>,
}

/// `Tue 6 Oct 2026 12:05`, in London; the weekday has to be right.
fn time(text: &str) -> i64 {
    let civil = NaiveDateTime::parse_from_str(text, "%a %d %b %Y %H:%M");
    let civil = civil.unwrap_or_else(|why| panic!("{text:?} is no time ({why})"));
    clock::parse(&civil.format("%Y-%m-%d %H:%M").to_string()).unwrap().milliseconds
}

/// A story while it is told.
struct Telling<'a> {
    world: World,
    desk: Option<(String, Desk)>,
    numbers: BTreeMap<String, u64>,
    rules: Rulebook,
    failures: Vec<String>,
    about: &'a Variation,
}

impl Telling<'_> {
    fn fail(&mut self, label: &str, what: impl AsRef<str>) {
        let place = if self.about.name.is_empty() { "as it is told" } else { &self.about.name };
        self.failures.push(format!("[{place}] {label}: {}", what.as_ref()));
    }

    /// The desk of somebody, kept while nobody else enters anything.
    fn desk(&mut self, who: &str) -> &mut Desk {
        if self.desk.as_ref().is_none_or(|(sits, _)| sits != who) {
            self.desk = None;
            self.desk = Some((who.to_owned(), self.world.desk(who)));
        }
        &mut self.desk.as_mut().unwrap().1
    }

    /// The draft with entry numbers in the place of labels.
    fn numbered(&self, draft: &Map<String, Json>) -> Result<Json, String> {
        let number = |label: &str| {
            self.numbers.get(label).copied().ok_or_else(|| format!("nothing is called {label:?} by then"))
        };
        let mut draft = Json::Object(draft.clone());
        let refs = draft.get_mut("refs").and_then(Json::as_array_mut).into_iter().flatten();
        for reference in refs.filter_map(Json::as_object_mut) {
            let Some(label) = reference.remove("to") else { continue };
            reference.insert("entry".into(), number(label.as_str().unwrap())?.into());
        }
        let left_out = draft.get_mut("redactions").and_then(Json::as_array_mut).into_iter().flatten();
        for part in left_out.filter_map(Json::as_object_mut) {
            for key in ["entry", "letter"] {
                if let Some(label) = part.get(key).and_then(Json::as_str) {
                    let found = number(label)?;
                    part.insert(key.into(), found.into());
                }
            }
        }
        Ok(draft)
    }

    fn enter(&mut self, step: &Step) {
        let mut at = time(&step.recorded);
        // One second later each time, so that no two are the same.
        let ticking = std::cell::Cell::new(at.max(self.world.now()));
        self.world.set(ticking.get());
        at = self.world.now();
        assert!(at - time(&step.recorded) < 60_000, "{}: the story goes back in time", step.label);
        let outcome = match &step.act {
            Some(act) => self.act(step, act),
            None => self.record(step),
        };
        let expected = match (&step.gaps, &step.stopped) {
            (Some(gaps), _) => format!("kept as a draft, open: {gaps:?}"),
            (None, Some(rule)) => format!("stopped: {rule}"),
            (None, None) => "entered".to_owned(),
        };
        if outcome != expected {
            self.fail(&step.label, format!("{expected} was expected, but: {outcome}"));
        }
    }

    fn record(&mut self, step: &Step) -> String {
        let draft = match self.numbered(&step.draft) {
            Ok(draft) => Draft::from_json(&draft).unwrap(),
            Err(why) => return why,
        };
        let start = self.world.now();
        let clock = std::cell::Cell::new(start);
        let tick = || {
            clock.set(clock.get() + 1000);
            clock.get()
        };
        let desk = self.desk(&step.who);
        let size = desk.ledger.size();
        let mut outcome = desk.record(&draft, &tick, &mut durable::entropy()).unwrap();
        if let Outcome::Stopped { draft: id, .. } = outcome {
            // A second try says nothing new.
            outcome = desk.record_kept(Some(id), &draft, &tick, &mut durable::entropy()).unwrap();
            let says = desk.ledger.size() - size;
            if says != 1 {
                self.fail(&step.label, format!("{says} entries say that it was stopped"));
            }
        }
        self.world.set(clock.get());
        match outcome {
            Outcome::Entered { entered, gaps, .. } => {
                let open: Vec<String> = gaps.into_iter().map(|gap| gap.field).collect();
                if let Some(wanted) = step.open.as_ref().filter(|wanted| **wanted != open) {
                    self.fail(&step.label, format!("{wanted:?} was to stay open, but: {open:?}"));
                } else if step.open.is_none() && !open.is_empty() {
                    self.fail(&step.label, format!("stays open: {open:?}"));
                }
                self.numbers.insert(step.label.clone(), entered.number);
                "entered".to_owned()
            }
            Outcome::Gaps { gaps, .. } => {
                let gaps: Vec<String> = gaps.into_iter().map(|gap| gap.field).collect();
                format!("kept as a draft, open: {gaps:?}")
            }
            Outcome::Stopped { stop, .. } => format!("stopped: {}", stop.rule),
            other => format!("{other:?}"),
        }
    }

    fn act(&mut self, step: &Step, act: &Act) -> String {
        let clock = std::cell::Cell::new(self.world.now());
        let tick = || {
            clock.set(clock.get() + 1000);
            clock.get()
        };
        let mut rng = durable::entropy();
        let numbers = self.numbers.clone();
        if let Act::Confirm(label) | Act::Approve(label) = act
            && !numbers.contains_key(label)
        {
            return format!("nothing is called {label:?} by then");
        }
        let desk = self.desk(&step.who);
        let mut anew = None;
        let done = match act {
            Act::CloseDay { from, to } => {
                let day = |text: &str| text.parse::<NaiveDate>().unwrap();
                desk.close_day(day(from), day(to), &tick, &mut rng).map(|it| it.entered.number)
            }
            Act::Confirm(label) => {
                let done = desk.confirm(numbers[label], "agrees", &tick, &mut rng).map(|it| it.number);
                anew = done.as_ref().ok().map(|number| number + 1).filter(|next| *next < desk.ledger.size());
                done
            }
            Act::Propose(meant) => {
                let target = |meant: &Meant| {
                    Target::Folder(desk.find_case(&meant.case).unwrap(), Folder::from_name(&meant.folder).unwrap())
                };
                let targets: Vec<Target> = meant.iter().map(target).collect();
                desk.propose_retiring(&targets, "retention", None, &tick, &mut rng).map(|(it, _)| it.number)
            }
            Act::Approve(label) => {
                let approved = desk.approve_retiring(numbers[label], "agrees", &tick, &mut rng);
                approved.map(|it| it.entered.map_or_else(|| it.done[0], |entered| entered.number))
            }
            Act::Grant { person, case, folders } => {
                let person = desk.roll().person_by_handle(person).unwrap().person();
                let folders: Vec<Folder> = folders.iter().map(|name| Folder::from_name(name).unwrap()).collect();
                let case = Some(desk.find_case(case).unwrap());
                let granting = Granting { person, case, folders: &folders, profile: "cover", until: None };
                desk.grant(granting, &tick, &mut rng).map(|it| it.number)
            }
            Act::EndRole { person, role } => {
                let person = desk.roll().person_by_handle(person).unwrap().person();
                let role = Role::from_code(role).unwrap();
                desk.end_role(person, role, None, &tick, &mut rng).map(|it| it.entered.number)
            }
        };
        self.world.set(clock.get());
        match done {
            Ok(number) => {
                self.numbers.insert(step.label.clone(), number);
                if let Some(anew) = anew {
                    self.numbers.insert(format!("{}, written anew", step.label), anew);
                }
                "entered".to_owned()
            }
            Err(why) => format!("stopped: {}", format!("{why:?}").split(['(', ' ', '{']).next().unwrap()),
        }
    }

    /// The index is burnt, and nothing is said otherwise; asked for an earlier time in between, either.
    fn burn_the_index(&mut self) {
        let now = self.world.now() + 1000;
        let before = self.desk("maria").review(now).unwrap();
        let _ = self.desk("maria").review(now - 86_400_000).unwrap();
        let between = self.desk("maria").review(now).unwrap();
        self.desk = None;
        std::fs::remove_dir_all(self.world.book().join("index")).unwrap();
        let after = self.desk("maria").review(now).unwrap();
        if before != between || before != after || before.items.is_empty() {
            self.fail("the index", "burnt, the review says something else");
        }
    }

    fn label_of(&self, entry: u64) -> String {
        let label = self.numbers.iter().find(|(_, number)| **number == entry);
        label.map_or_else(|| format!("entry {entry}"), |(label, _)| label.clone())
    }

    fn shown(&self, item: &Item, now: i64) -> String {
        let mut text = format!("{} of {:?}, {}", item.name(), self.label_of(item.entry), item.state(now).name());
        if let Some(due) = item.due {
            write!(text, ", due {}", clock::for_people(due)).unwrap();
        }
        if let Some(closed) = item.closed {
            write!(text, ", by {:?} on {}", self.label_of(closed.by), clock::for_people(closed.at)).unwrap();
        }
        write!(text, ", {:?}", item.about).unwrap();
        text
    }

    fn look(&mut self, expect: &Expect) {
        let now = time(&expect.at);
        let switched = self.rules.clone();
        let changed = self.about.switch.is_some();
        let desk = self.desk("maria");
        let rules = if changed { switched } else { desk.rules().clone() };
        let found: Review = if changed {
            desk.with_facts(|known| {
                let roster = desk.roster();
                let roles = |person, entry, at| roster.roles(person, entry, at);
                review(&Look {
                    facts: &known.facts,
                    unseen: &known.unseen,
                    rules: &rules,
                    roles: &roles,
                    oversees: true,
                    now,
                })
            })
            .unwrap()
        } else {
            desk.review(now).unwrap()
        };
        let standings = desk
            .with_facts(|known| {
                let roster = desk.roster();
                let roles = |person, entry, at| roster.roles(person, entry, at);
                let book = Book::open(&known.facts, &rules, &roles);
                let name = |fact| (fact, book.fact(fact).map(|fact| book.standing(fact, now)));
                known.facts.iter().map(|fact| name(fact.entry)).collect::<BTreeMap<_, _>>()
            })
            .unwrap();
        let place = format!("on {}", expect.at);
        let mut used = vec![false; found.items.len()];
        for want in &expect.items {
            if want.ready.as_ref().is_some_and(|what| !READY.contains(&what.as_str())) {
                continue;
            }
            let Some(entry) = self.numbers.get(&want.of).copied() else {
                self.fail(&place, format!("nothing is called {:?}", want.of));
                continue;
            };
            let fits = |item: &Item| item.entry == entry && (item.name() == want.flag || item.flag == want.flag);
            let says = |item: &Item| {
                let due = item.due.map_or("none".to_owned(), clock::for_people);
                want.due.as_ref().is_none_or(|wanted| *wanted == due)
                    && want.state == item.state(now).name()
                    && want.by.as_ref().is_none_or(|by| item.closed.is_some_and(|it| self.label_of(it.by) == *by))
                    && want
                        .when
                        .as_ref()
                        .is_none_or(|when| item.closed.is_some_and(|it| clock::for_people(it.at) == *when))
                    && want.about.as_ref().is_none_or(|about| format!("{:?}", item.about).contains(about))
            };
            let hit = (0..used.len()).find(|at| !used[*at] && fits(&found.items[*at]) && says(&found.items[*at]));
            match hit {
                Some(at) => used[at] = true,
                None => {
                    let mut text = format!("{} of {:?} was to be {}", want.flag, want.of, want.state);
                    for (name, wanted) in
                        [("due", &want.due), ("by", &want.by), ("on", &want.when), ("about", &want.about)]
                    {
                        if let Some(wanted) = wanted {
                            write!(text, ", {name} {wanted}").unwrap();
                        }
                    }
                    let there: Vec<String> = (0..used.len())
                        .filter(|at| fits(&found.items[*at]))
                        .map(|at| self.shown(&found.items[at], now))
                        .collect();
                    self.fail(&place, format!("{text}; there is: {}", there.join("; ")));
                    for (used, item) in used.iter_mut().zip(&found.items) {
                        *used |= fits(item);
                    }
                }
            }
        }
        for item in found.items.iter().zip(&used).filter(|(_, used)| !**used).map(|(item, _)| item) {
            let named = |flag: &String| item.name() == **flag || item.flag == flag.as_str();
            if expect.none.iter().any(named) {
                let text = format!("was not to be there: {}", self.shown(item, now));
                self.fail(&place, text);
            } else if (item.state(now).waits() || item.is_red(now)) && !OF_THE_SETTING.contains(&item.flag) {
                let text = format!("nobody expected: {}", self.shown(item, now));
                self.fail(&place, text);
            }
        }
        for (label, wanted) in &expect.consents {
            let standing = self.numbers.get(label).and_then(|entry| standings.get(entry).cloned().flatten());
            let name = match &standing {
                Some(indelible::review::item::Standing::Valid { noted: true }) => "valid, with a note",
                Some(standing) => standing.name(),
                None => "nowhere",
            };
            if name != wanted {
                self.fail(&place, format!("the consent {label:?} was to be {wanted}, but it is {standing:?}"));
            }
        }
    }
}

/// Founds the setting: Maria (dsl, founder), Jon (deputy_dsl), Ruth (chair) and Sam (practitioner).
fn found(scenario: &Scenario, policy: Option<&str>) -> World {
    let world = World::founded_at(time(&scenario.founded), &scenario.setting);
    let mut maria = world.desk("maria");
    world.enrol(&mut maria, "Jon Pell", "jon", Role::DeputyDsl);
    world.enrol(&mut maria, "Sam Leigh", "sam", Role::Practitioner);
    for (handle, name) in &scenario.cases {
        maria.open_case(handle, name, &|| world.tick(), &mut durable::entropy()).unwrap();
    }
    for one in &scenario.roll {
        let who = Outsider { name: &one.name, handle: Some(&one.handle), person_type: &one.is };
        maria.add_person(who, &|| world.tick(), &mut durable::entropy()).unwrap();
    }
    let ruth = world.enrol(&mut maria, "Ruth Amadi", "ruth", Role::Chair);
    drop(maria);
    for entry in [0, ruth] {
        world.desk("jon").confirm(entry, "agrees", &|| world.tick(), &mut durable::entropy()).unwrap();
    }
    if let Some(policy) = policy.and_then(Policy::built_in) {
        let (change, _) = world.desk("maria").adopt_policy(policy, &|| world.tick(), &mut durable::entropy()).unwrap();
        world.desk("jon").confirm(change.entered.number, "agrees", &|| world.tick(), &mut durable::entropy()).unwrap();
    }
    world.desk("maria").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    world
}

/// The entries of a variation, in the order of their times.
fn varied(scenario: &Scenario, variation: &Variation) -> Vec<Step> {
    let mut steps: Vec<Step> = scenario.entries.clone();
    let known = |steps: &[Step], label: &str| {
        assert!(steps.iter().any(|step| step.label == label), "{}: no entry {label:?}", variation.name);
    };
    variation.drop.iter().chain(variation.change.iter().map(|it| &it.label)).for_each(|it| known(&steps, it));
    steps.retain(|step| !variation.drop.contains(&step.label));
    for change in &variation.change {
        let step = steps.iter_mut().find(|step| step.label == change.label).unwrap();
        step.who = change.who.clone().unwrap_or(step.who.clone());
        step.recorded = change.recorded.clone().unwrap_or(step.recorded.clone());
        for (key, answer) in &change.set {
            step.draft.insert(key.clone(), answer.clone());
        }
        step.gaps = change.gaps.clone().or(step.gaps.take());
        step.open = change.open.clone().or(step.open.take());
        step.stopped = change.stopped.clone().or(step.stopped.take());
    }
    steps.extend(variation.add.iter().cloned());
    steps.sort_by_key(|step| time(&step.recorded));
    steps
}

/// The rules with a switch of the pack on.
fn rules_of(variation: &Variation) -> Rulebook {
    let mut pack = BUILT_IN.to_owned();
    if let Some(switch) = &variation.switch {
        let at = pack.find(&format!("name = \"{switch}\"")).unwrap();
        let on = at + pack[at..].find("on = false").unwrap();
        pack.replace_range(on..on + "on = false".len(), "on = true");
    }
    Rulebook::new(Pack::parse(&pack).unwrap())
}

/// Tells a story from a step on, in a setting where the steps before it were told.
fn tell(
    telling: &mut Telling<'_>,
    steps: &[Step],
    expect: &[Expect],
    at_step: &mut dyn FnMut(usize, &mut Telling<'_>),
) {
    let mut looks: Vec<&Expect> = expect.iter().collect();
    looks.sort_by_key(|look| time(&look.at));
    let mut looks = looks.into_iter().peekable();
    for (place, step) in steps.iter().enumerate() {
        at_step(place, telling);
        if step.when.as_ref().is_some_and(|what| !READY.contains(&what.as_str())) {
            continue;
        }
        while let Some(look) = looks.next_if(|look| time(&look.at) < time(&step.recorded)) {
            telling.look(look);
        }
        telling.enter(step);
    }
    at_step(steps.len(), telling);
    looks.for_each(|look| telling.look(look));
}

fn begin<'a>(scenario: &Scenario, about: &'a Variation) -> Telling<'a> {
    let world = found(scenario, about.policy.as_deref());
    let numbers = BTreeMap::from([("genesis".to_owned(), 0)]);
    Telling { world, desk: None, numbers, rules: rules_of(about), failures: Vec::new(), about }
}

/// The first step at which a variation goes its own way, or is looked at.
fn parts_at(steps: &[Step], varied: &[Step], expect: &[Expect]) -> usize {
    let looked = expect.iter().map(|look| time(&look.at)).min().unwrap_or(i64::MAX);
    let own = |place: &usize| steps.get(*place) != varied.get(*place) || time(&varied[*place].recorded) > looked;
    (0..varied.len()).find(own).unwrap_or(varied.len()).min(steps.len())
}

fn play(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(file);
    let scenario: Scenario = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!scenario.story.is_empty() && !scenario.expect.is_empty(), "{file}");
    let mut failures = Vec::new();
    let (steps, as_told) = (varied(&scenario, &Variation::default()), Variation::default());
    // A variation is the same story up to where it differs: it goes on from a copy of the setting as it is there.
    let mut forks: Vec<(usize, &Variation, Vec<Step>)> = Vec::new();
    for variation in &scenario.variations {
        let waits = variation.when.iter().chain(variation.policy.iter());
        if !waits.into_iter().all(|what| READY.contains(&what.as_str())) {
            continue;
        }
        let steps_of_it = varied(&scenario, variation);
        if variation.policy.is_some() {
            let mut telling = begin(&scenario, variation);
            tell(&mut telling, &steps_of_it, &variation.expect, &mut |_, _| ());
            failures.extend(telling.failures);
        } else {
            forks.push((parts_at(&steps, &steps_of_it, &variation.expect), variation, steps_of_it));
        }
    }
    let mut told = begin(&scenario, &as_told);
    let mut fork = |place: usize, told: &mut Telling<'_>| {
        for (_, about, steps_of_it) in forks.iter().filter(|(at, ..)| *at == place) {
            told.desk = None;
            let (world, numbers) = (told.world.copy(), told.numbers.clone());
            let mut telling =
                Telling { world, desk: None, numbers, rules: rules_of(about), failures: Vec::new(), about };
            tell(&mut telling, &steps_of_it[place..], &about.expect, &mut |_, _| ());
            failures.extend(telling.failures);
        }
    };
    tell(&mut told, &steps, &scenario.expect, &mut fork);
    told.burn_the_index();
    failures.splice(0..0, told.failures);
    let title = &scenario.title;
    assert!(failures.is_empty(), "{title}: {} went otherwise\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn s1_an_emergency() {
    play("s1.toml");
}

#[test]
fn s2_a_disclosure() {
    play("s2.toml");
}

#[test]
fn s3_consent_and_its_withdrawal() {
    play("s3.toml");
}

#[test]
fn s4_a_refusal_and_an_override() {
    play("s4.toml");
}

#[test]
fn s5_advice_becomes_a_referral() {
    play("s5.toml");
}

#[test]
fn s8_a_request_for_the_file() {
    play("s8.toml");
}

#[test]
fn s11_the_move_to_school() {
    play("s11.toml");
}

#[test]
fn a_looked_after_child() {
    play("looked-after.toml");
}

#[test]
fn a_prevent_matter() {
    play("prevent.toml");
}

#[test]
fn an_allegation_against_staff() {
    play("allegation.toml");
}

#[test]
fn parents_who_disagree() {
    play("dispute.toml");
}

#[test]
fn the_clock_of_a_request() {
    play("access-clock.toml");
}

#[test]
fn the_wrong_file() {
    play("misfiled.toml");
}

#[test]
fn a_breach() {
    play("breach.toml");
}

#[test]
fn what_is_answered_later() {
    play("said-later.toml");
}

#[test]
fn pictures_for_each_use() {
    play("pictures.toml");
}

#[test]
fn who_asks_and_by_what_right() {
    play("requests.toml");
}

#[test]
fn a_lead_who_is_alone() {
    play("alone.toml");
}

#[test]
fn complaints() {
    play("complaints.toml");
}

#[test]
fn days_nobody_wrote() {
    play("quiet-days.toml");
}

#[test]
fn a_brother_and_a_sister() {
    play("siblings.toml");
}

#[test]
fn the_next_school() {
    play("next-school.toml");
}

#[test]
fn who_said_yes() {
    play("consents.toml");
}
