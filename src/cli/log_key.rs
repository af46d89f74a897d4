//! `log-key` and `recover renew`: the log's own key, and the recovery sheet that goes with it.

use indelible::cabinet::recovery::RecoverySheet;
use indelible::store::durable;

use crate::cli::args::LogKeyCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::init::sheet;
use crate::cli::role::changed;

pub fn run(door: &mut Door<'_>, command: LogKeyCommand) -> Result<u8, Failure> {
    match command {
        LogKeyCommand::Rotate { cause } => {
            let mut desk = door.desk()?;
            let change = desk.rotate_log_key(door.config, &cause, None, door.now, &mut durable::entropy())?;
            changed(door, "log-key-rotate", &[change], "The log has a new key.")
        }
    }
}

/// Makes a new sheet. The copy of the log's key in the cabinet opens with the old one, so the log gets a new key as well.
pub fn renew_sheet(door: &mut Door<'_>) -> Result<u8, Failure> {
    let mut rng = durable::entropy();
    let recovery = RecoverySheet::random(&mut rng);
    let mut desk = door.desk()?;
    let change = desk.rotate_log_key(door.config, "renewal", Some(&recovery), door.now, &mut rng)?;
    sheet(door, &recovery, door.global.json)?;
    if !door.global.json {
        writeln!(door.out, "The new sheet opens nothing until a second person has confirmed it on this computer.")?;
        writeln!(
            door.out,
            "Then the two of you burn the old one; copies of the folder made before still open with it.\n"
        )?;
    }
    changed(door, "recover-renew", &[change], "The sheet is renewed.")
}
