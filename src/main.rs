//! The process's edge: arguments, streams, clock and configuration in; an exit code out.
#![allow(clippy::disallowed_methods)]

use std::path::PathBuf;
use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home);
    let config = config.unwrap_or_else(|| PathBuf::from("."));
    let (mut out, mut err) = (std::io::stdout().lock(), anstream::stderr());
    let mut out = std::io::BufWriter::new(&mut out);
    let code = cli::run(std::env::args_os(), &config, &indelible::store::durable::now_ms, &mut out, &mut err);
    ExitCode::from(code)
}
