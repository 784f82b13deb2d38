//! Wires the function to Lambda's runtime.

use std::process::ExitCode;

use pesan_adapters::clock::Clock;
use pesan_lambda::{Env, init_log, serve_events};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    init_log();
    serve_events(billing_broadcast::handler(&Env::from_process(), Clock::system()).await).await
}
