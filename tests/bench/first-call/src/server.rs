//! The called side: one page under a certificate that nobody signed.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Starts it; its address, and the file of its certificate.
pub fn start() -> anyhow::Result<(String, String)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let file = std::env::temp_dir().join(format!("first-call-{}.der", std::process::id()));
    std::fs::write(&file, made.cert.der())?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = rustls::crypto::ring::default_provider();
    let tls = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || runtime.block_on(serve(listener, TlsAcceptor::from(Arc::new(tls)))));
    let file = file.to_str().context("a path in UTF-8")?.to_owned();
    Ok((format!("https://localhost:{port}/"), file))
}

async fn serve(listener: std::net::TcpListener, tls: TlsAcceptor) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A caller that goes away ends its own connection and no other.
        tokio::spawn(answer(stream, tls.clone()));
    }
}

async fn answer(stream: TcpStream, tls: TlsAcceptor) -> anyhow::Result<()> {
    // Else the answer waits, now and then, for the client's delayed acknowledgement: 40 ms.
    stream.set_nodelay(true)?;
    let mut stream = tls.accept(stream).await?;
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            stream.write_all(ANSWER).await?;
        }
    }
    Ok(())
}
