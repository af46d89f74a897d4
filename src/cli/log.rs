//! `log`: the entries in order, as far as the reader can see.

use std::collections::BTreeSet;

use indelible::codec::{self, CaseTag, Digest, KindNumber, PersonId};
use indelible::decision::gap::Flag;
use indelible::entry::envelope::{self, Envelope};
use indelible::entry::statement::Body;
use indelible::ledger::LedgerError;
use indelible::ledger::beside::{Link, Opener};
use indelible::ledger::desk::Desk;
use indelible::ledger::open::Ledger;
use indelible::review::findings::Finding;
use indelible::rules::clock;
use indelible::store::disk::RealFile;
use serde_json::{Value as Json, json};

use crate::cli::args::LogArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::{self, plain};

/// An entry as the reader sees it.
pub struct Row {
    pub number: u64,
    pub recorded: i64,
    pub link: codec::Link,
    pub digest: Digest,
    /// Its structure, if the reader can open it.
    pub body: Option<Body>,
    pub findings: Vec<Finding>,
    /// What stands beside it: corrections, views, completions.
    pub beside: Vec<Link>,
}

/// Which entries are wanted.
#[derive(Default)]
pub struct Filter {
    pub case: Option<CaseTag>,
    pub kind: Option<KindNumber>,
    pub person: Option<PersonId>,
    /// The entries that carry a flag.
    pub flagged: Option<BTreeSet<u64>>,
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub last: Option<u64>,
}

/// Who reads: with an identity, or the skeleton alone.
pub enum Reader {
    Desk(Box<Desk>),
    Skeleton(Box<Ledger>),
}

impl Reader {
    pub fn open(door: &mut Door<'_>) -> Result<Self, Failure> {
        match door.global.identity {
            Some(_) => Ok(Reader::Desk(Box::new(door.desk_read()?))),
            None => Ok(Reader::Skeleton(Box::new(door.reader()?))),
        }
    }

    fn ledger(&self) -> &Ledger {
        match self {
            Reader::Desk(desk) => &desk.ledger,
            Reader::Skeleton(ledger) => ledger,
        }
    }

    pub fn desk(&self) -> Option<&Desk> {
        match self {
            Reader::Desk(desk) => Some(desk),
            Reader::Skeleton(_) => None,
        }
    }

    fn row(
        &self,
        recorded: i64,
        previous: Option<i64>,
        digest: Digest,
        link: codec::Link,
        number: u64,
        body: Option<Body>,
    ) -> Row {
        let findings = match (self.desk(), &body) {
            (Some(desk), Some(body)) => desk.findings(number, body, recorded, previous),
            _ => Vec::new(),
        };
        Row { number, recorded, link, digest, body, findings, beside: Vec::new() }
    }

    /// Hands over the entries that are wanted, in order; nothing is held in memory unless only the last are wanted.
    pub fn rows(&self, filter: &Filter, each: &mut dyn FnMut(Row) -> Result<(), Failure>) -> Result<(), Failure> {
        let opener = self.desk().map(Desk::opener);
        let links = match self.desk() {
            // What cannot be read stops the list where it comes to it.
            Some(desk) => desk.beside_all().unwrap_or_default(),
            None => Vec::new(),
        };
        let mut each = |mut row: Row| {
            let first = links.partition_point(|link| link.of < row.number);
            row.beside = links.iter().skip(first).take_while(|link| link.of == row.number).copied().collect();
            each(row)
        };
        if let Some(last) = filter.last {
            return self.last_rows(last, opener.as_ref(), filter, &mut each);
        }
        let (mut failed, mut previous) = (None, None);
        self.ledger().walk(0, &mut |envelope: &Envelope, frame| {
            let before = previous.replace(envelope.recorded);
            let open = |opener: &Opener<'_, _>| opener.open(&envelope.statement, frame.structure, frame.words);
            let body = opener.as_ref().and_then(open).map(|statement| statement.body().clone());
            if !filter.wants(envelope, body.as_ref()) {
                return true;
            }
            let link = envelope::link(frame.envelope);
            let done = each(self.row(envelope.recorded, before, envelope.statement, link, envelope.number.0, body));
            failed = done.err();
            failed.is_none()
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// The last entries, found from the end.
    fn last_rows(
        &self,
        last: u64,
        opener: Option<&Opener<'_, RealFile>>,
        filter: &Filter,
        each: &mut dyn FnMut(Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut rows = Vec::new();
        let mut number = self.ledger().size();
        while number > 0 && (rows.len() as u64) < last {
            number -= 1;
            let stored = self.ledger().entry(number)?;
            let digest = stored.envelope().statement;
            let body = opener.and_then(|opener| opener.open(&digest, stored.structure(), stored.words()));
            let body = body.map(|statement| statement.body().clone());
            if filter.wants(stored.envelope(), body.as_ref()) {
                let previous = match number.checked_sub(1) {
                    Some(before) => Some(self.ledger().entry(before)?.envelope().recorded),
                    None => None,
                };
                let envelope = stored.envelope();
                rows.push(self.row(envelope.recorded, previous, envelope.statement, stored.link(), number, body));
            }
        }
        rows.into_iter().rev().try_for_each(each)
    }
}

impl Filter {
    fn wants(&self, envelope: &Envelope, body: Option<&Body>) -> bool {
        let case = self.case.is_none_or(|case| body.is_some_and(|body| body.case == Some(case)));
        let person = self.person.is_none_or(|person| body.is_some_and(|body| body.person == person));
        let flagged = self.flagged.as_ref().is_none_or(|entries| entries.contains(&envelope.number.0));
        let time = self.from.is_none_or(|from| envelope.recorded >= from)
            && self.to.is_none_or(|to| envelope.recorded <= to.saturating_add(999));
        case && person && flagged && time && self.kind.is_none_or(|kind| body.is_some_and(|body| body.kind == kind))
    }
}

pub fn run(door: &mut Door<'_>, args: LogArgs) -> Result<u8, Failure> {
    let reader = Reader::open(door)?;
    let filter = filter(&reader, &args, (door.now)())?;
    if door.global.json {
        return as_json(door, &reader, &filter);
    }
    let size = reader.ledger().size();
    let digits = size.saturating_sub(1).to_string().len().max(2);
    let Some(desk) = reader.desk() else {
        writeln!(door.out, "{:>digits$}  {:<22}  {:<16}  statement", "no", "recorded", "link")?;
        let done = reader.rows(&filter, &mut |row| {
            let (link, digest) = (row.link.to_string(), row.digest.to_string());
            let recorded = clock::for_people(row.recorded);
            writeln!(door.out, "{:>digits$}  {recorded:<22}  {link:.16}  {digest:.16}", row.number)?;
            Ok(())
        });
        done?;
        door.out.flush()?;
        writeln!(door.err, "note: this is the skeleton; those who are enrolled see more with --identity FILE")?;
        return Ok(0);
    };
    let handles = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).clamp(6, 24);
    let cases = handles(&mut desk.roll().cases().iter().map(|line| line.handle().len()));
    let people = handles(&mut desk.roll().persons().iter().map(|line| line.handle().len()));
    let kinds = desk.pack().kinds().iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let (no, recorded, case, kind) = ("no", "recorded", "case", "kind");
    writeln!(door.out, "{no:>digits$}  {recorded:<22}  {case:<cases$}  {kind:<kinds$}  {:<people$}  flags", "author")?;
    reader.rows(&filter, &mut |row| {
        let recorded = clock::for_people(row.recorded);
        let line = match &row.body {
            None => {
                format!("{:>digits$}  {recorded:<22}  {:<cases$}  {:<kinds$}", row.number, "", "(sealed to others)")
            }
            Some(body) => {
                let case = body.case.map(|case| say::case(desk, case)).unwrap_or_default();
                let (kind, author) = (kind_name(body), say::person(desk, body.person));
                let number = row.number;
                let (case, author) = (plain(&case), plain(&author));
                format!(
                    "{number:>digits$}  {recorded:<22}  {case:<cases$}  {kind:<kinds$}  {author:<people$}  {}",
                    [flags(&row).iter().map(|flag| (*flag).to_owned()).collect(), beside(&row)].concat().join(" ")
                )
            }
        };
        writeln!(door.out, "{}", line.trim_end())?;
        Ok(())
    })?;
    Ok(0)
}

fn filter(reader: &Reader, args: &LogArgs, now: i64) -> Result<Filter, Failure> {
    let (from, to) = (say::moment(args.from.as_deref())?, say::until(args.to.as_deref())?);
    let mut filter = Filter { last: args.last, from, to, ..Filter::default() };
    let Some(desk) = reader.desk() else {
        if args.case.is_some() || args.kind.is_some() || args.person.is_some() || args.flag.is_some() {
            let next = "add --identity FILE, or leave the filter out";
            return Err(Failure::new("the skeleton says nothing of cases and kinds", next));
        }
        return Ok(filter);
    };
    if let Some(case) = &args.case {
        filter.case = Some(desk.find_case(case)?);
    }
    if let Some(kind) = &args.kind {
        filter.kind = Some(crate::cli::kinds::find(desk.pack(), kind)?.number);
    }
    filter.person = args.person.as_deref().map(|person| say::find_person(desk, person)).transpose()?;
    if let Some(flag) = &args.flag {
        let flag = flag.to_uppercase();
        say::code(desk.pack(), "FLAG", &flag)?;
        let review = desk.review(now)?;
        let carries = review.items.iter().filter(|item| item.flag == flag && item.closed.is_none());
        filter.flagged = Some(carries.map(|item| item.entry).collect());
    }
    Ok(filter)
}

/// One document, written as it is read.
fn as_json(door: &mut Door<'_>, reader: &Reader, filter: &Filter) -> Result<u8, Failure> {
    write!(door.out, "{{\"schema\":\"indelible/log/1\",\"entries\":[")?;
    let mut between = "\n";
    reader.rows(filter, &mut |row| {
        write!(door.out, "{between}{}", row_json(reader.desk(), &row))?;
        between = ",\n";
        Ok(())
    })?;
    writeln!(door.out, "\n]}}")?;
    Ok(0)
}

/// The fields of an entry for scripts.
pub fn row_json(desk: Option<&Desk>, row: &Row) -> Json {
    let mut json = json!({
        "entry": row.number,
        "recorded": say::stamp(row.recorded),
        "link": row.link.to_string(),
        "statement_digest": row.digest.to_string(),
    });
    if let (Some(desk), Some(body), Some(fields)) = (desk, &row.body, json.as_object_mut()) {
        fields.insert("kind".into(), kind_name(body).into());
        fields.insert("case".into(), body.case.map(|case| say::case(desk, case)).into());
        fields.insert("case_tag".into(), body.case.map(|case| case.base32()).into());
        let folder = body.folder().filter(|folder| *folder != indelible::codec::Folder::None);
        fields.insert("folder".into(), folder.map(|folder| folder.name()).into());
        fields.insert("author".into(), say::person(desk, body.person).into());
        let [occurred, learned, decided, signed] =
            [&body.occurred, &body.learned, &body.decided, &body.signed].map(|moment| moment.typed());
        let times = json!({"occurred_at": occurred, "learned_at": learned, "decided_at": decided, "signed_at": signed});
        fields.insert("times".into(), times);
        fields.insert("act".into(), body.act.into());
        fields.insert("happened".into(), body.happened.into());
        fields.insert("refs".into(), refs_json(desk, row.number, body));
        fields.insert("flags".into(), flags(row).into());
        let link = |link: &Link| json!({"relation": link.relation.name(), "entry": link.entry});
        fields.insert("beside".into(), row.beside.iter().map(link).collect());
    }
    json
}

fn refs_json(desk: &Desk, number: u64, body: &Body) -> Json {
    let reference = |reference: &indelible::decision::decision::Reference| {
        let entry = desk.number_of(number, body, reference);
        json!({"relation": reference.relation.name(), "entry": entry})
    };
    body.references.iter().map(reference).collect()
}

/// What stands beside an entry, in short: `corrected(12)`.
fn beside(row: &Row) -> Vec<String> {
    let word = |link: &Link| match link.relation.name() {
        Some("corrects") => "corrected",
        Some("comments_on") => "seen-otherwise",
        Some("completes") => "completed",
        _ => "misfiled",
    };
    row.beside.iter().map(|link| format!("{}({})", word(link), link.entry)).collect()
}

/// What a later entry does to an earlier one, as a heading beside it.
pub fn beside_line(relation: Option<&str>) -> &'static str {
    match relation {
        Some("corrects") => "corrected by",
        Some("comments_on") => "somebody sees it differently in",
        Some("completes") => "completed by",
        _ => "said to be filed in the wrong place by",
    }
}

/// The codes of an entry's flags.
pub fn flags(row: &Row) -> Vec<&'static str> {
    row.findings.iter().map(|finding| Flag::code(finding.flag)).collect()
}

/// A kind's name, or its number if this version does not know it.
pub fn kind_name(body: &Body) -> String {
    body.kind.name().map_or_else(|| format!("kind {}", body.kind.0), str::to_owned)
}

/// Reads one entry.
pub fn row(reader: &Reader, number: u64) -> Result<Row, Failure> {
    if number >= reader.ledger().size() {
        return Err(LedgerError::NoEntry(number).into());
    }
    let stored = reader.ledger().entry(number)?;
    let envelope = stored.envelope();
    Ok(reader.row(envelope.recorded, None, envelope.statement, stored.link(), number, None))
}
