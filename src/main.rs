//! The `anteroom` program: parses arguments, runs one command, maps its error to an exit code.

use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut out, mut err) = (stdout(), stderr());
    let run = anteroom::cli::run(std::env::args_os(), &mut out, &mut err);
    ExitCode::from(actix_web::rt::System::new().block_on(run))
}
