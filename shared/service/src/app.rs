//! What every use case works with, made once a process.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::aws::Aws;
use pesan_adapters::clock::Clock;
use pesan_adapters::dynamodb::Store;
use pesan_adapters::eventbridge::Bus;
use pesan_adapters::http::ClientError;
use pesan_adapters::midtrans::Midtrans;
use pesan_adapters::secrets::{LINK_KEY, MerchantSecret, Parameters, SecretError};
use pesan_adapters::telegram::Telegram;
use pesan_adapters::whatsapp::WhatsApp;
use pesan_domain::catalog::Catalog;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use secrecy::SecretString;

use crate::Failure;

/// What a function is configured by.
#[derive(Clone, Debug)]
pub struct Config {
    region: String,
    credentials: Credentials,
    dynamodb_endpoint: Option<String>,
    ssm_endpoint: Option<String>,
    eventbridge_endpoint: Option<String>,
    event_bus: Option<String>,
    table: String,
    parameter_prefix: String,
    public_base_url: String,
    telegram_api_url: String,
    telegram_link_url: String,
    midtrans_app_url: Option<String>,
    midtrans_api_url: Option<String>,
    snap_js_url: Option<String>,
    whatsapp_api_url: String,
    top_up_seller: Option<String>,
}

/// A variable that is needed is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {0} is missing or empty")]
pub struct Missing(&'static str);

impl Config {
    /// Reads the configuration from named variables.
    ///
    /// # Errors
    /// [`Missing`] names the first one that is needed and not there.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Missing> {
        let need = |name: &'static str| variable(name).ok_or(Missing(name));
        let trimmed = |url: String| url.trim_end_matches('/').to_owned();
        Ok(Self {
            region: need("AWS_REGION")?,
            credentials: Credentials::new(
                need("AWS_ACCESS_KEY_ID")?,
                need("AWS_SECRET_ACCESS_KEY")?,
                variable("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            dynamodb_endpoint: variable("AWS_ENDPOINT_URL_DYNAMODB"),
            ssm_endpoint: variable("AWS_ENDPOINT_URL_SSM"),
            eventbridge_endpoint: variable("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            event_bus: variable("EVENT_BUS_NAME"),
            table: need("TABLE_NAME")?,
            parameter_prefix: need("PARAMETER_PREFIX")?,
            public_base_url: trimmed(need("PUBLIC_BASE_URL")?),
            telegram_api_url: variable("TELEGRAM_API_URL")
                .unwrap_or_else(|| "https://api.telegram.org".to_owned()),
            telegram_link_url: trimmed(
                variable("TELEGRAM_LINK_URL").unwrap_or_else(|| "https://t.me".to_owned()),
            ),
            midtrans_app_url: variable("MIDTRANS_APP_URL"),
            midtrans_api_url: variable("MIDTRANS_API_URL"),
            snap_js_url: variable("MIDTRANS_SNAP_JS_URL"),
            whatsapp_api_url: variable("WHATSAPP_API_URL")
                .unwrap_or_else(|| "https://graph.facebook.com".to_owned()),
            top_up_seller: variable("TOP_UP_SELLER"),
        })
    }
}

/// The clients and settings of a function, made once and lent to every invocation.
#[derive(Debug)]
pub struct App {
    /// The table.
    pub store: Store,
    /// The secrets.
    pub parameters: Parameters,
    /// The event bus, for the one function that puts events on it.
    pub bus: Option<Bus>,
    /// The Bot API.
    pub telegram: Telegram,
    /// Midtrans.
    pub midtrans: Midtrans,
    /// WhatsApp's Cloud API.
    pub whatsapp: WhatsApp,
    /// The time.
    pub clock: Clock,
    /// Where the public reaches this deployment, without a slash at the end.
    pub public_base_url: String,
    /// Where a bot's link leads, `https://t.me` but for stand-ins.
    pub telegram_link_url: String,
    /// Another place for Snap.js.
    pub snap_js_url: Option<String>,
    /// The merchant that is paid for top-ups, for the operator who sells them.
    pub top_up_seller: Option<String>,
    shops: Mutex<HashMap<MerchantId, (Shop, Timestamp)>>,
    /// Keys of the REST API that were shown lately.
    pub(crate) api_keys: crate::api_keys::Kept,
    /// What was taken from their buckets ahead of need.
    pub(crate) leases: crate::rate::Leases,
}

/// How long a merchant's profile and catalog are kept in memory.
const SHOP_KEPT: SignedDuration = SignedDuration::from_secs(60);

impl App {
    /// Makes the clients.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, ClientError> {
        let http = pesan_adapters::http::client()?;
        let aws = Aws {
            region: config.region.clone(),
            credentials: config.credentials.clone(),
            http: http.clone(),
            dynamodb_endpoint: config.dynamodb_endpoint.clone(),
            ssm_endpoint: config.ssm_endpoint.clone(),
            eventbridge_endpoint: config.eventbridge_endpoint.clone(),
        };
        Ok(Self {
            store: Store::new(aws.dynamodb(), &config.table),
            parameters: Parameters::new(aws.ssm(), &config.parameter_prefix, clock.clone()),
            bus: config
                .event_bus
                .as_deref()
                .map(|name| Bus::new(aws.eventbridge(), name)),
            telegram: Telegram::new(http.clone(), &config.telegram_api_url),
            whatsapp: WhatsApp::new(http.clone(), &config.whatsapp_api_url),
            midtrans: Midtrans::new(
                http,
                config.midtrans_app_url.as_deref(),
                config.midtrans_api_url.as_deref(),
            ),
            clock,
            public_base_url: config.public_base_url.clone(),
            telegram_link_url: config.telegram_link_url.clone(),
            snap_js_url: config.snap_js_url.clone(),
            top_up_seller: config.top_up_seller.clone(),
            shops: Mutex::new(HashMap::new()),
            api_keys: crate::api_keys::Kept::default(),
            leases: crate::rate::Leases::default(),
        })
    }

    /// The merchant with its catalog, from memory where they are younger than a minute.
    ///
    /// # Errors
    /// [`Failure::Unknown`] for a merchant that is not there.
    pub async fn shop(&self, id: &MerchantId) -> Result<Shop, Failure> {
        if let Some(shop) = self.kept_shop(id).filter(|shop| shop.catalog.is_some()) {
            return Ok(shop);
        }
        let (merchant, catalog) = self.store.shop(id).await?.ok_or(Failure::Unknown)?;
        let shop = Shop {
            merchant,
            catalog: Some(catalog),
        };
        self.keep_shop(&shop);
        Ok(shop)
    }

    /// A secret of a merchant.
    ///
    /// # Errors
    /// [`Failure::Unknown`] when it is missing because there is no such merchant,
    /// [`Failure::Unavailable`] when it is missing though there is one.
    pub async fn secret(
        &self,
        merchant: &MerchantId,
        secret: MerchantSecret,
    ) -> Result<SecretString, Failure> {
        let name = secret.name(merchant);
        match self.parameters.get(&name).await {
            Ok(secret) => Ok(secret),
            Err(error) => {
                // A merchant that is not there, or not connected yet, has no secrets either: that
                // is no fault of ours, and what stands in its place in the path may be anything.
                let shop = self.shop(merchant).await?;
                if !secret.is_due(&shop.merchant) {
                    return Err(Failure::Unknown);
                }
                Err(unreadable(&name, error))
            }
        }
    }

    /// The secret that a caller proves to know: `kept`, or the one that took its place meanwhile.
    ///
    /// # Errors
    /// [`Failure::NotAuthentic`] when `knows` holds for neither, [`Failure::Unavailable`] when
    /// that could not be found out.
    pub async fn proven(
        &self,
        merchant: &MerchantId,
        secret: MerchantSecret,
        kept: SecretString,
        knows: impl Fn(&SecretString) -> bool,
    ) -> Result<SecretString, Failure> {
        if knows(&kept) {
            return Ok(kept);
        }
        self.anew(&secret.name(merchant), knows).await
    }

    /// A secret of the deployment, which a caller proves to know: the one that is kept, or the one
    /// that took its place meanwhile.
    ///
    /// # Errors
    /// As [`App::proven`]; also [`Failure::Unavailable`] when there is none.
    pub async fn proven_to_deployment(
        &self,
        name: &str,
        knows: impl Fn(&SecretString) -> bool,
    ) -> Result<(), Failure> {
        let kept = self.deployment_secret(name).await?;
        if knows(&kept) {
            return Ok(());
        }
        self.anew(name, knows).await.map(drop)
    }

    async fn anew(
        &self,
        name: &str,
        knows: impl Fn(&SecretString) -> bool,
    ) -> Result<SecretString, Failure> {
        match self.parameters.get_anew(name).await {
            Ok(Some(fresh)) if knows(&fresh) => Ok(fresh),
            // The one that is kept holds until its time is over: it is gone, and not replaced.
            Ok(_) | Err(SecretError::Missing(_)) => Err(Failure::NotAuthentic),
            Err(error) => Err(unreadable(name, error)),
        }
    }

    /// The key that links are derived from.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when it is missing or cannot be read.
    pub async fn link_key(&self) -> Result<SecretString, Failure> {
        self.deployment_secret(LINK_KEY).await
    }

    /// A secret that all merchants share.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when it is missing or cannot be read.
    pub async fn deployment_secret(&self, name: &str) -> Result<SecretString, Failure> {
        let secret = self.parameters.get(name).await;
        secret.map_err(|error| unreadable(name, error))
    }

    pub(crate) fn kept_shop(&self, id: &MerchantId) -> Option<Shop> {
        let kept = self.shops.lock().ok()?;
        let (shop, since) = kept.get(id)?;
        let age = self.clock.now().duration_since(*since);
        (age < SHOP_KEPT && age >= SignedDuration::ZERO).then(|| shop.clone())
    }

    pub(crate) fn keep_shop(&self, shop: &Shop) {
        if let Ok(mut kept) = self.shops.lock() {
            kept.insert(shop.merchant.id.clone(), (shop.clone(), self.clock.now()));
        }
    }
}

/// Raises the alarm with the parameter's name, which holds no secret.
fn unreadable(parameter: &str, error: SecretError) -> Failure {
    let alarm = match &error {
        SecretError::Missing(_) => "secret missing",
        SecretError::Unavailable(_) | SecretError::Refused(_) => "secret unreadable",
    };
    tracing::error!(kind = "secret", outcome = "not had", alarm, parameter, %error);
    Failure::Unavailable(error.to_string())
}

/// A merchant as it is kept in memory.
#[derive(Clone, Debug)]
pub struct Shop {
    /// Its profile.
    pub merchant: Merchant,
    /// Its catalog, where it was read with the profile.
    pub catalog: Option<Catalog>,
}
