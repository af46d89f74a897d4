//! `agreement`: a sharing agreement that the setting has joined, as an entry that shares under it can cite.

use indelible::ledger::adopt::Agreement;
use indelible::store::durable;

use crate::cli::args::AgreementArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::policy::document;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, args: &AgreementArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    for agency in &args.agencies {
        say::code(desk.pack(), "AGENCY", agency)?;
    }
    let text = document(door, &args.document, "name a file with the agreement's text (UTF-8)")?;
    let starts = say::moment(args.from.as_deref())?.unwrap_or_else(|| (door.now)());
    let agreement = Agreement {
        title: &args.title,
        text: &text,
        agencies: &args.agencies,
        starts,
        ends: say::until(args.until.as_deref())?,
        renews: args.renews,
    };
    let entered = desk.adopt_agreement(&agreement, door.now, &mut durable::entropy())?;
    if door.global.json {
        door.json("agreement", say::entered_json(&entered))?;
        return Ok(0);
    }
    writeln!(door.out, "{} is entered with its whole text: {}", plain(&args.title), say::entry(&entered))?;
    writeln!(door.out, "A share under it names it: `record decision.share --ref about={}`.", entered.number)?;
    Ok(0)
}
