//! Ten thousand messages through refusals, lost answers and a sender that dies: how many calls that
//! takes, and how many messages were taken twice. `cargo bench --workspace --bench broadcast`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use support::World;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let began = Instant::now();
    let world = World::broadcast(10_000).await;
    let taken = world.stand.meta.taken();
    let twice = taken.values().filter(|times| **times == 2).count();
    println!(
        "{} calls, {} messages taken, {twice} of them twice and marked, in {:.0?}",
        world.stand.meta.calls(),
        taken.len(),
        began.elapsed()
    );
}
