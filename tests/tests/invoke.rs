//! Each function alone, as README.md tells to run it: under `cargo lambda watch`, against the local
//! stack's DynamoDB, given its sample event by `cargo lambda invoke`.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use pesan_tests::{Stack, samples};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

/// Long enough to compile a function on a busy machine; every wait ends as soon as it can.
const PATIENCE: Duration = Duration::from_secs(300);

/// `cargo lambda`, in the project's folder. What `cargo test` says of this package is kept from it:
/// ring's build script watches these variables, and would compile itself and all above it again.
fn cargo_lambda(command: &str, port: u16) -> Command {
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .args(["lambda", command, "--invoke-address", "127.0.0.1"])
        .args(["--invoke-port", &port.to_string()])
        .kill_on_drop(true);
    cargo
}

struct Watch {
    process: Child,
    port: u16,
    log: File,
}

impl Drop for Watch {
    /// Asked to end, it ends what it has started too.
    fn drop(&mut self) {
        let Some(id) = self.process.id() else { return };
        let asked = std::process::Command::new("kill")
            .arg(id.to_string())
            .status();
        let began = std::time::Instant::now();
        while asked.as_ref().is_ok_and(|asked| asked.success())
            && matches!(self.process.try_wait(), Ok(None))
            && began.elapsed() < Duration::from_secs(10)
        {
            std::thread::yield_now();
        }
    }
}

impl Watch {
    async fn start(stack: &Stack) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let log = tempfile::tempfile().unwrap();
        let process = cargo_lambda("watch", port)
            .envs(stack.environment().iter().cloned())
            .stdout(log.try_clone().unwrap())
            .stderr(log.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut watch = Self { process, port, log };
        timeout(PATIENCE, watch.ready()).await.unwrap();
        watch
    }

    async fn ready(&mut self) {
        let mut tick = interval(Duration::from_millis(50));
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "is cargo-lambda there? {}", self.log());
            tick.tick().await;
        }
    }

    fn log(&mut self) -> String {
        let mut log = String::new();
        self.log.rewind().unwrap();
        self.log.read_to_string(&mut log).unwrap();
        log
    }

    async fn invoke(&mut self, function: &str) -> Value {
        let mut invoke = cargo_lambda("invoke", self.port);
        invoke
            .arg("--data-file")
            .arg(samples::path(function))
            .arg(function);
        let output = timeout(PATIENCE, invoke.output()).await;
        let answer = output.ok().map(Result::unwrap).and_then(|output| {
            let text = String::from_utf8(output.stdout).unwrap();
            serde_json::from_str(&text).ok()
        });
        answer.unwrap_or_else(|| panic!("{function} did not answer: {}", self.log()))
    }
}

#[tokio::test]
async fn every_function_answers_its_sample_to_cargo_lambda() {
    let stack = Stack::start();
    let mut watch = Watch::start(&stack).await;
    for name in samples::functions() {
        let answer = watch.invoke(&name).await;
        samples::expect_answer(&name, &answer);
    }
}
