//! The calling process.

use std::time::Instant;

use anyhow::ensure;

/// As `shared/adapters/src/http.rs` makes it, but that it trusts one certificate more.
#[cfg(not(feature = "defaults"))]
fn client(certificate: &[u8]) -> anyhow::Result<reqwest::Client> {
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add(certificate.to_vec().into())?;
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()?)
}

#[cfg(feature = "defaults")]
fn client(certificate: &[u8]) -> anyhow::Result<reqwest::Client> {
    let certificate = reqwest::Certificate::from_der(certificate)?;
    Ok(reqwest::Client::builder()
        .add_root_certificate(certificate)
        .build()?)
}

async fn get(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let text = client.get(url).send().await?.text().await?;
    ensure!(text == "ok", "{text}");
    Ok(())
}

/// Calls three times and prints how long each took, in microseconds.
pub fn call(url: &str, certificate: &str) -> anyhow::Result<()> {
    let certificate = std::fs::read(certificate)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut times = Vec::new();
        let began = Instant::now();
        let first = client(&certificate)?;
        get(&first, url).await?;
        times.push(began.elapsed());
        let began = Instant::now();
        get(&first, url).await?;
        times.push(began.elapsed());
        let began = Instant::now();
        get(&client(&certificate)?, url).await?;
        times.push(began.elapsed());
        for time in times {
            println!("{}", time.as_micros());
        }
        Ok(())
    })
}
