//! What an import of subscribers costs on this machine: `cargo build --release --workspace`, then
//! `cargo bench --workspace --bench import`. Speed is measured here and asserted nowhere.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and prints"
)]

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Instant;

use pesan_tests::Stack;
use pesan_tests::operator::Operator;
use pesan_tests::runtime_api::peak_kilobytes;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const IMPORT: &str = "pesan subscribers import demo list.csv --report rows.csv";

fn file(rows: usize) -> String {
    let mut file = "id,nama,no wa,paket\n".to_owned();
    for nth in 0..rows {
        writeln!(
            file,
            "big-{nth:06},Pelanggan Nomor {nth},0812{nth:08},dasar"
        )
        .unwrap();
    }
    file
}

fn measure(operator: &Operator, rows: usize, what: &str) {
    let begun = Instant::now();
    let mut command = operator.command(IMPORT);
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak_kilobytes(process.id()).unwrap_or(peak);
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(status.success());
    let took = begun.elapsed();
    println!(
        "{rows:>7} rows, {what:<16} {took:>9.2?}  {:>7.0} rows/s  {peak:>7} kB at most",
        f64::from(u32::try_from(rows).unwrap()) / took.as_secs_f64(),
    );
}

#[tokio::main]
async fn main() {
    for rows in SIZES {
        let stack = Stack::start();
        let operator = Operator::of(&stack);
        operator.file("list.csv", &file(rows));
        measure(&operator, rows, "all new");
        measure(&operator, rows, "nothing changed");
    }
}
