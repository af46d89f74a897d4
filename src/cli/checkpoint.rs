//! `checkpoint`: what the setting vouches for now, and the request that a witness answers.

use indelible::head::checkpoint::Checkpoint;
use indelible::ledger::LedgerError;
use serde_json::json;

use crate::cli::args::CheckpointArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::verdict::count;

pub fn run(door: &mut Door<'_>, args: CheckpointArgs) -> Result<u8, Failure> {
    let ledger = door.reader()?;
    let text = match args.old {
        None => ledger.best_note(ledger.size().saturating_sub(1))?.to_string(),
        Some(old) => match ledger.request(old) {
            Err(LedgerError::NoEntry(_)) => {
                return Err(Failure::new(
                    format!(
                        "the witness is said to have seen {old}, and the ledger has {}",
                        count(ledger.size(), "entry")
                    ),
                    "give the size that the witness cosigned last, or 0; if it has seen more, run `indelible verify`",
                ));
            }
            request => request?.to_string(),
        },
    };
    if !door.global.json {
        write!(door.out, "{text}")?;
        return Ok(0);
    }
    let head = Checkpoint::parse(ledger.checkpoint()?.text()).map_err(LedgerError::from)?;
    let field = if args.old.is_some() { "request" } else { "checkpoint" };
    door.json("checkpoint", json!({"size": head.size().0, "root": head.root().to_string(), field: text}))?;
    Ok(0)
}
