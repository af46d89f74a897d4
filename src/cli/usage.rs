//! Arguments that cannot be run, in the same three lines as every failure; what was typed is not repeated, since it may
//! be a name.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::failure::Failure;

/// Says what is wrong with the arguments.
pub fn failure(error: &Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let arg = text(ContextKind::InvalidArg).filter(|arg| known(arg));
    let named = |before: &str, after: &str| match &arg {
        Some(arg) => format!("{before} {arg} {after}"),
        None => format!("{before} one option {after}"),
    };
    let what = match error.kind() {
        ErrorKind::MissingRequiredArgument => match text(ContextKind::InvalidArg) {
            // These are names of our own arguments.
            Some(missing) => format!("something is missing: {missing}"),
            None => "something is missing".to_owned(),
        },
        ErrorKind::UnknownArgument => match &arg {
            Some(arg) => format!("there is no option {arg} here"),
            None => "there is one word too many".to_owned(),
        },
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "no command was given".to_owned()
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => named("the value of", "cannot be used"),
        ErrorKind::ArgumentConflict => named("the option", "does not go with the others"),
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooManyValues => {
            named("the option", "has too few or too many values")
        }
        _ => "these arguments cannot be run".to_owned(),
    };
    let suggested = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::ValidValue];
    let suggestion = suggested.into_iter().find_map(text).filter(|text| !text.is_empty());
    let next = match suggestion {
        Some(suggestion) => format!("did you mean {suggestion}? `indelible help` and `indelible help COMMAND` say what there is"),
        None => "`indelible help` and `indelible help COMMAND` say what there is".to_owned(),
    };
    Failure::new(what, next)
}

/// Whether it looks like an option: what else was typed is not shown.
fn known(arg: &str) -> bool {
    let name = arg.split([' ', '=']).next().unwrap_or_default();
    name.starts_with("--") && name.len() <= 24 && name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase())
}
