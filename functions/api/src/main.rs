//! Wires the function to Lambda's runtime.

use std::process::ExitCode;

use pesan_adapters::clock::Clock;
use pesan_lambda::{Env, init_log, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    init_log();
    serve(api::handler(&Env::from_process(), Clock::system()).await).await
}
