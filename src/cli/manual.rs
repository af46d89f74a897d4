//! `completions` and `man`.

use clap::CommandFactory;
use indelible::store::durable;

use crate::cli::args::{Args, CompletionsArgs, ManArgs};
use crate::cli::door::Door;
use crate::cli::failure::Failure;

pub fn completions(door: &mut Door<'_>, args: CompletionsArgs) -> Result<u8, Failure> {
    // Into memory first: the generator panics where a stream fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "indelible", &mut script);
    door.out.write_all(&script)?;
    Ok(0)
}

pub fn man(door: &mut Door<'_>, args: ManArgs) -> Result<u8, Failure> {
    let Some(folder) = args.out else {
        clap_mangen::Man::new(Args::command()).render(&mut door.out)?;
        return Ok(0);
    };
    let written = durable::create_dir(&folder).and_then(|()| clap_mangen::generate_to(Args::command(), &folder));
    written.map_err(|error| {
        let next = "check that you may write in this folder";
        Failure::new(format!("the pages could not be written: {error}"), next).at(folder.display())
    })?;
    let pages = durable::list(&folder)?.len();
    writeln!(door.err, "{pages} pages in {}", crate::cli::say::plain(&folder.display().to_string()))?;
    Ok(0)
}
