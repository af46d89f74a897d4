//! `consent receipt`: what a parent said yes to, on paper.

use std::fmt::Write as _;

use indelible::ledger::consent::{ConsentReceipt, WITHDRAWAL};
use indelible::review::item::Standing;
use indelible::rules::clock;
use indelible::store::durable;
use zeroize::Zeroizing;

use crate::cli::args::ConsentCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::plain;
use crate::cli::verdict::wrap;

pub fn run(door: &mut Door<'_>, command: ConsentCommand) -> Result<u8, Failure> {
    let ConsentCommand::Receipt { entry, out, contact } = command;
    let mut desk = door.desk()?;
    let receipt = desk.consent_receipt(entry, door.now, &mut durable::entropy())?;
    let contact = contact.as_deref();
    let paper = match door.global.json {
        true => {
            let mut json = receipt.json(contact);
            if let Some(fields) = json.as_object_mut() {
                fields.shift_insert(0, "schema".to_owned(), "indelible/consent-receipt/1".into());
            }
            Zeroizing::new(format!("{json}\n"))
        }
        false => paper(&receipt, contact),
    };
    match out {
        Some(path) => {
            door.write_private(&path, paper.as_bytes())?;
            if !door.global.json {
                writeln!(
                    door.out,
                    "Written to {}. Print it, give it to the parent, and delete the file.",
                    plain(&path.display().to_string())
                )?;
            }
        }
        None => write!(door.out, "{}", *paper)?,
    }
    Ok(0)
}

/// Whether the yes stood when the paper was made, for the parent.
fn stands(receipt: &ConsentReceipt) -> String {
    let at = clock::for_people(receipt.made);
    let said = match &receipt.standing {
        Some(Standing::Valid { noted: false }) => "your yes counts".to_owned(),
        Some(Standing::Valid { noted: true }) => {
            "your yes counts; that you hold parental responsibility was said, and no paper was seen".to_owned()
        }
        Some(Standing::Renewed(entry)) => format!("your newer yes of entry {entry} has taken its place"),
        Some(Standing::Withdrawn(entry)) => {
            format!("you have taken it back (entry {entry}); nothing rests on it from then on")
        }
        Some(Standing::Expired) => "its time is over; nothing rests on it any more".to_owned(),
        Some(Standing::Disputed(entry)) => {
            format!(
                "another holder of parental responsibility objects (entry {entry}); nothing rests on it until that is settled"
            )
        }
        Some(Standing::NotValid(_)) => {
            "something is still missing for it to count; please ask, and nothing rests on it until then".to_owned()
        }
        Some(Standing::Refused) | None => "whoever made this paper could not see that".to_owned(),
    };
    format!("On {at}: {said}.")
}

fn paper(receipt: &ConsentReceipt, contact: Option<&str>) -> Zeroizing<String> {
    let blank = "________________________________________ (please fill in)";
    let mut text = Zeroizing::new(String::with_capacity(1 << 14));
    let mut row = |title: &str, said: &str| {
        let _ = writeln!(text, "{title}");
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            let _ = write!(text, "{}", wrap(&format!("    {}", plain(line)), "    "));
        }
        text.push('\n');
    };
    let missing = "(this was not written down: please ask)";
    row("CONSENT RECEIPT", &format!("{}\nPlease keep this paper.", receipt.setting));
    row("Who said yes", &receipt.giver);
    row(
        "For which child",
        &format!("{} (number {})", receipt.child, receipt.case.map(|case| case.base32()).unwrap_or_default()),
    );
    let given = receipt.given.for_people().unwrap_or_default();
    let until = receipt.ends.as_ref().map(|ends| format!(" It holds until {ends}.")).unwrap_or_default();
    row("When and how", &format!("{given}. {}.{until}", receipt.method));
    row("Where it stands", &stands(receipt));
    row("To what: this one purpose and no other", &receipt.purpose.1);
    let titles = [
        "Why it is wanted",
        "What is shared or shown",
        "Who sees it",
        "What it is used for",
        "What may follow from yes or no",
    ];
    for (title, said) in titles.iter().zip(&receipt.explained) {
        row(title, said.as_deref().unwrap_or(missing));
    }
    row("How to take it back", WITHDRAWAL);
    row(
        "Who is responsible for the information (the controller)",
        &format!("{}\nAddress, telephone: {}", receipt.setting, contact.unwrap_or(blank)),
    );
    row(
        "Where it is kept, and how long",
        &format!(
            "In the setting's own sealed ledger, {}. For {}; then somebody looks whether it may go.",
            receipt.origin, receipt.retention
        ),
    );
    let notice = match &receipt.notice {
        Some(notice) => {
            let version = notice.version.as_ref().map(|version| format!("version {version}, ")).unwrap_or_default();
            format!("{version}entry {}, hash {}", notice.entry, notice.hash)
        }
        None => "(none was entered with this yes: ask for the setting's privacy notice)".to_owned(),
    };
    row("The privacy notice that you saw", &notice);
    row(
        "Law",
        "England. The ground is your consent, UK GDPR Article 6(1)(a). You may complain to the Information Commissioner: ico.org.uk.",
    );
    row(
        "This receipt",
        &format!(
            "Entry {} of {}, recorded {}.\nReceipt {}\nRecord {}\nRules: {}. Language: English. Form: ISO/IEC TS 27560:2023.",
            receipt.entry,
            receipt.origin,
            clock::for_people(receipt.recorded),
            receipt.statement,
            receipt.record,
            receipt.pack
        ),
    );
    let _ = writeln!(text, "Proof that it was entered (for whoever checks it; it says nothing about you):\n");
    let _ = write!(text, "{}", receipt.receipt);
    text
}
