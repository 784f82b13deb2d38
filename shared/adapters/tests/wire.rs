//! What the clients make of a network and of an AWS that do not do as they should: a small server
//! of the test's own stands on the other side.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pesan_adapters::aws::{Aws, Refusal};
use pesan_adapters::clock::Clock;
use pesan_adapters::dynamodb::{Store, StoreError};
use pesan_adapters::midtrans::Midtrans;
use pesan_adapters::secrets::{Parameters, SecretError};
use pesan_adapters::whatsapp::{Content, GraphError, WhatsApp};
use pesan_domain::merchant::MidtransEnvironment;
use pesan_domain::message::verdict::Verdict;
use pesan_domain::whatsapp::Phone;
use secrecy::{ExposeSecret as _, SecretString};

/// What the server does with a request, by the request's number from 0.
type Deed = fn(usize) -> Does;

enum Does {
    /// Answers and keeps the connection.
    Answer(u16, &'static str),
    /// Answers, and closes the connection without a word about it when the test says so.
    AnswerAndClose(&'static str),
    /// Keeps the connection and never answers.
    Nothing,
}

struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    close: Sender<()>,
    closed: Receiver<()>,
}

/// The server's end of closing a connection: what says so, and what is told of it.
#[derive(Clone)]
struct Closing(Arc<Mutex<Receiver<()>>>, Sender<()>);

impl Server {
    fn start(deed: Deed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let (close, say_so) = channel();
        let (told, closed) = channel();
        let closing = Closing(Arc::new(Mutex::new(say_so)), told);
        let (count, accepted) = (Arc::clone(&requests), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (count, closing) = (Arc::clone(&count), closing.clone());
                std::thread::spawn(move || serve(stream.unwrap(), deed, &count, &closing));
            }
        });
        Self {
            url,
            requests,
            connections,
            close,
            closed,
        }
    }

    /// Closes the connection that was answered on while the function is frozen: nothing of the
    /// client moves on meanwhile.
    fn close_while_frozen(&self) {
        self.close.send(()).unwrap();
        self.closed.recv().unwrap();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Serves one connection to its end.
fn serve(stream: TcpStream, deed: Deed, count: &AtomicUsize, closing: &Closing) {
    let mut reader = BufReader::new(&stream);
    while read_request(&mut reader) {
        match deed(count.fetch_add(1, Ordering::SeqCst)) {
            Does::Nothing => {}
            Does::Answer(status, body) => answer(&stream, status, body),
            Does::AnswerAndClose(body) => {
                answer(&stream, 200, body);
                // The test may have ended meanwhile.
                closing.0.lock().unwrap().recv().ok();
                drop(reader);
                drop(stream);
                closing.1.send(()).ok();
                return;
            }
        }
    }
}

/// Reads a request; false at the connection's end.
fn read_request(reader: &mut BufReader<&TcpStream>) -> bool {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            return reader.read_exact(&mut vec![0; length]).is_ok();
        }
    }
}

fn answer(mut stream: &TcpStream, status: u16, body: &str) {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Any\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}

fn aws(server: &Server) -> Aws {
    Aws {
        region: "ap-southeast-3".to_owned(),
        credentials: aws_credential_types::Credentials::new("test", "test", None, None, "test"),
        http: pesan_adapters::http::client().unwrap(),
        dynamodb_endpoint: Some(server.url.clone()),
        ssm_endpoint: Some(server.url.clone()),
        eventbridge_endpoint: None,
    }
}

fn store(server: &Server) -> Store {
    Store::new(aws(server).dynamodb(), "pesan")
}

fn parameters(server: &Server, clock: Clock) -> Parameters {
    Parameters::new(aws(server).ssm(), "/pesan/test", clock)
}

/// One thread, as the functions have: nothing moves on while it is not asked to.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

const NO_ROWS: &str = r#"{"Responses":{"pesan":[]},"UnprocessedKeys":{}}"#;
const STATUS: &str = r#"{"status_code":"200","transaction_status":"settlement"}"#;
const KEY: &str = r#"{"Parameters":[{"Name":"/pesan/test/key","Value":"first"}]}"#;

#[test]
fn j14_a_connection_that_died_while_frozen_costs_the_table_nothing() {
    let server = Server::start(|_| Does::AnswerAndClose(NO_ROWS));
    let (store, runtime) = (store(&server), runtime());
    for nth in 1..=3 {
        assert_eq!(runtime.block_on(store.link("hash")), Ok(None), "{nth}");
        server.close_while_frozen();
    }
    assert_eq!(server.requests(), 3);
}

#[test]
fn j14_a_connection_that_died_while_frozen_costs_a_vendors_answer_nothing() {
    let server = Server::start(|_| Does::AnswerAndClose(STATUS));
    let http = pesan_adapters::http::client().unwrap();
    let midtrans = Midtrans::new(http, None, Some(&server.url));
    let (key, runtime) = (SecretString::from("key"), runtime());
    for nth in 1..=3 {
        let status = midtrans.status(MidtransEnvironment::Sandbox, &key, "t-1");
        let answer = runtime.block_on(status).unwrap();
        assert_eq!(answer.transaction_status, "settlement", "{nth}");
        server.close_while_frozen();
    }
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_connection_that_lives_is_used_again() {
    let server = Server::start(|_| Does::Answer(200, NO_ROWS));
    let (store, runtime) = (store(&server), runtime());
    for _ in 0..3 {
        assert_eq!(runtime.block_on(store.link("hash")), Ok(None));
    }
    assert_eq!(server.requests(), 3);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn j2_a_table_that_hangs_costs_an_attempt_and_not_the_webhook() {
    let server = Server::start(|nth| match nth {
        0 => Does::Nothing,
        _ => Does::Answer(200, NO_ROWS),
    });
    let (store, runtime) = (store(&server), runtime());
    let began = Instant::now();
    assert_eq!(runtime.block_on(store.link("hash")), Ok(None));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(server.requests(), 2);
}

fn refused(code: &'static str, deed: Deed, refusal: Refusal) {
    let server = Server::start(deed);
    let runtime = runtime();
    let asked = runtime.block_on(store(&server).link("hash"));
    assert_eq!(asked, Err(StoreError::Refused(refusal)), "{code}");
    let parameters = parameters(&server, Clock::system());
    let asked = runtime.block_on(parameters.get("key"));
    assert_eq!(
        asked.map(|_| ()),
        Err(SecretError::Refused(refusal)),
        "{code}"
    );
    assert_eq!(server.requests(), 2, "{code} was tried again");
}

macro_rules! refused {
    ($($code:literal => $refusal:ident),* $(,)?) => {$(
        refused(
            $code,
            |_| Does::Answer(400, concat!(r#"{"__type":"com.amazon.coral.service#"#, $code, r#""}"#)),
            Refusal::$refusal,
        );
    )*};
}

#[test]
fn j13_what_no_retry_heals_is_told_apart_and_not_tried_again() {
    refused! {
        "InvalidSignatureException" => ClockSkew,
        "RequestTimeTooSkewed" => ClockSkew,
        "RequestExpired" => ClockSkew,
        "SignatureDoesNotMatch" => ClockSkew,
        "AccessDeniedException" => NotAllowed,
        "UnrecognizedClientException" => NotAllowed,
        "ExpiredTokenException" => NotAllowed,
    }
}

#[test]
fn a_secret_is_read_anew_once_in_a_while_however_often_it_is_asked_for() {
    let server = Server::start(|_| Does::Answer(200, KEY));
    let offset = Arc::new(AtomicI64::new(0));
    let parameters = parameters(&server, Clock::turnable(Arc::clone(&offset)));
    let runtime = runtime();
    let anew = || {
        let asked = runtime.block_on(parameters.get_anew("key")).unwrap();
        asked.map(|secret| secret.expose_secret().to_owned())
    };
    assert_eq!(anew(), None, "what was never read is not outdated");
    runtime.block_on(parameters.get("key")).unwrap();
    for (minute, reads) in [(0, 1), (1, 2), (2, 3)] {
        offset.store(minute * 60_000, Ordering::SeqCst);
        assert_eq!(anew().is_some(), minute > 0);
        for _ in 0..1_000 {
            assert_eq!(anew(), None);
        }
        assert_eq!(server.requests(), reads);
    }
}

#[test]
fn a_read_that_failed_counts_as_one_too() {
    let server = Server::start(|nth| match nth {
        0 => Does::Answer(200, KEY),
        _ => Does::Answer(400, r#"{"__type":"InternalServerError"}"#),
    });
    let offset = Arc::new(AtomicI64::new(0));
    let parameters = parameters(&server, Clock::turnable(Arc::clone(&offset)));
    let runtime = runtime();
    runtime.block_on(parameters.get("key")).unwrap();
    offset.store(60_000, Ordering::SeqCst);
    let failed = runtime.block_on(parameters.get_anew("key"));
    let code = "InternalServerError".to_owned();
    assert_eq!(failed.map(|_| ()), Err(SecretError::Unavailable(code)));
    let asked = server.requests();
    let again = runtime.block_on(parameters.get_anew("key"));
    assert!(again.unwrap().is_none());
    // The kept one is still there for those who know it.
    let kept = runtime.block_on(parameters.get("key")).unwrap();
    assert_eq!(kept.expose_secret(), "first");
    assert_eq!(server.requests(), asked);
}

/// What comes of a message to a Cloud API that does so.
fn sent(deed: Deed) -> GraphError {
    let server = Server::start(deed);
    let whatsapp = WhatsApp::new(pesan_adapters::http::client().unwrap(), &server.url);
    let phone = Phone::from_digits("6281200000042").unwrap();
    let token = SecretString::from("token");
    let sending = whatsapp.send("1", &token, &phone, Content::Text("Halo"), None);
    let error = runtime().block_on(sending).unwrap_err();
    assert_eq!(server.requests(), 1, "never sent twice");
    error
}

#[test]
fn d7_a_message_without_a_readable_answer_is_unknown_and_a_refusal_carries_metas_code() {
    let deeds: [Deed; 4] = [
        |_| Does::Answer(200, "<html>"),
        |_| Does::Answer(200, r#"{"messages":[]}"#),
        |_| Does::Answer(200, r#"{"messages":[{"id":""}]}"#),
        |_| Does::Nothing,
    ];
    for deed in deeds {
        let error = sent(deed);
        assert!(matches!(error, GraphError::Unknown(_)), "{error:?}");
        assert_eq!(error.refusal(), None);
    }
    let pair = sent(|_| {
        Does::Answer(
            400,
            r#"{"error":{"code":131056,"message":"to 6281200000042"}}"#,
        )
    });
    assert_eq!(pair.refusal().unwrap().verdict, Verdict::PauseRecipient);
    assert_eq!(pair.to_string(), "refused with code 131056");
    let proxy = sent(|_| Does::Answer(502, "<html>"));
    assert_eq!(proxy.code(), 502);
    assert!(matches!(
        proxy.refusal().unwrap().verdict,
        Verdict::RetryLater(_) | Verdict::Unknown
    ));
}
