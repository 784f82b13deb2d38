//! `pesan midtrans`.

use anyhow::Context as _;
use pesan_domain::merchant::{MidtransAccount, MidtransEnvironment};
use pesan_service::App;
use pesan_service::merchants::midtrans::{check, connect, notification_url};
use pesan_service::merchants::{OperatorError, find};
use serde_json::json;

use crate::arguments::MidtransCommand;
use crate::report::Report;
use crate::{doctor, secret};

/// Runs a command about an account.
pub async fn run(app: &App, command: MidtransCommand) -> anyhow::Result<Report> {
    match command {
        MidtransCommand::Check { id } => Ok(doctor::report(&check(app, &id).await?)),
        MidtransCommand::Connect {
            id,
            merchant_id,
            client_key,
            server_key_file,
            production,
        } => {
            let account = match merchant_id.zip(client_key) {
                Some((merchant_id, client_key)) => MidtransAccount {
                    merchant_id,
                    client_key,
                    environment: if production {
                        MidtransEnvironment::Production
                    } else {
                        MidtransEnvironment::Sandbox
                    },
                },
                None => find(app, &id).await?.0.midtrans.with_context(|| {
                    format!("{id} has no account yet: give --merchant-id and --client-key")
                })?,
            };
            let key = server_key_file
                .as_deref()
                .map(secret::in_file)
                .transpose()?;
            match connect(app, &id, &account, key).await {
                Err(OperatorError::NoSecret { .. }) => {
                    let key = secret::asked("the server key", "--server-key-file")?;
                    connect(app, &id, &account, Some(key)).await?;
                }
                done => done?,
            }
            let url = notification_url(app, &id);
            let text = format!(
                "{id} is paid through {}\nEnter in Midtrans' dashboard, under Settings, Payment, \
                 Notification URL:\n{url}",
                account.merchant_id
            );
            let json = json!({"merchant_id": account.merchant_id, "notification_url": url});
            Ok(Report::good(text, json))
        }
    }
}
