//! Wires the function to Lambda's runtime.

use pesan_adapters::clock::Clock;
use pesan_lambda::{Env, Error, init_log, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    init_log();
    let handler = web::handler(&Env::from_process(), Clock::system()).await?;
    run(handler).await
}
