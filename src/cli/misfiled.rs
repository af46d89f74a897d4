//! `misfiled`: an entry lies in the wrong place.

use indelible::ledger::record::Outcome;
use indelible::store::durable;
use zeroize::Zeroizing;

use crate::cli::args::MisfiledArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say;

pub fn run(door: &mut Door<'_>, args: &MisfiledArgs) -> Result<u8, Failure> {
    let why = match &args.why_from {
        Some(path) => {
            let bytes = Zeroizing::new(door.read(path)?);
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                Failure::new("the reason is no text", "give it as plain text (UTF-8)").at(path.display())
            })?;
            Zeroizing::new(text.trim_end().to_owned())
        }
        None => Zeroizing::new(door.ask("Why does it not belong there?")?),
    };
    let mut desk = door.desk()?;
    let to = args.to.as_deref().map(|case| desk.find_case(case)).transpose()?;
    let entered = match desk.misfiled(args.entry, to, &why, door.now, &mut durable::entropy())? {
        Outcome::Entered { entered, .. } => entered,
        Outcome::Gaps { draft, gaps } => {
            let gap = gaps
                .first()
                .map_or_else(|| "something is missing".to_owned(), |gap| format!("{}: {}", gap.field, gap.what));
            let next = gaps.first().map(|gap| gap.next.clone()).unwrap_or_default();
            return Err(Failure::new(gap, next).at(format!("draft {draft}")).code(1));
        }
        Outcome::Waiting { why } => return Err((*why).into()),
        Outcome::Stopped { draft, stop } => {
            return Err(Failure::new(stop.says, stop.way_past).at(format!("draft {draft}")).code(1));
        }
        Outcome::IdUsed { draft, entry } => {
            let what = format!("its id stands for entry {entry}");
            return Err(Failure::new(what, "use a new id").at(format!("draft {draft}")).code(1));
        }
    };
    if door.global.json {
        door.json("misfiled", say::entered_json(&entered))?;
        return Ok(0);
    }
    let (number, of) = (entered.number, args.entry);
    writeln!(door.out, "Entry {of} is called misfiled: {}", say::entry(&entered))?;
    writeln!(
        door.out,
        "It does not count yet. Another leading person runs the first; whoever oversees and reads that folder, the second:"
    )?;
    writeln!(door.out, "  indelible --ledger DIR --identity THEIR.id confirm {number}")?;
    writeln!(door.out, "  indelible --ledger DIR --identity THEIR.id retire propose --entry {of} --misfiled {number}")?;
    writeln!(
        door.out,
        "What it says is then entered in the right case. You approve the proposal, and it is gone here."
    )?;
    Ok(0)
}
