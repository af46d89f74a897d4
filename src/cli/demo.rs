use crate::cli::args::DemoArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;

pub fn run(_door: &mut Door<'_>, _args: DemoArgs) -> Result<u8, Failure> {
    Ok(0)
}
