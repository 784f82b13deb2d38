//! One bill as a run would tell it, for whoever wants to see it on a phone first.

use pesan_domain::field::FieldRefused;
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::message::text::{Kind, LinkPath, Template};
use pesan_domain::whatsapp::Phone;

use super::{BillingError, Forecast, profile};
use crate::App;
use crate::messages::list::{self, Listed};

/// What came of asking for a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// It is on its way. It costs what any message costs.
    Queued,
    /// The same one went to the same phone on this day.
    QueuedBefore,
    /// The run would tell nobody anything, so there is nothing to show.
    NobodyToTell,
}

/// Sends the first bill of a forecast to a phone: its month, amount and due day, nobody's name, and the
/// shop's page in the place of the bill's, which is not made yet.
///
/// # Errors
/// [`BillingError::NotActive`]
pub async fn sample(
    app: &App,
    merchant: &MerchantId,
    forecast: &Forecast,
    phone: Phone,
) -> Result<Sample, BillingError> {
    let merchant = profile(app, merchant).await?;
    list::check_active(&merchant)?;
    let Some(bill) = &forecast.first else {
        return Ok(Sample::NobodyToTell);
    };
    let language = Language::Indonesian;
    let broken = |error: FieldRefused| BillingError::Unavailable(error.to_string());
    let page = format!("m/{}", merchant.id);
    let link =
        LinkPath::parse(&page).map_err(|error| BillingError::Unavailable(error.to_string()))?;
    let template = Template::Bill {
        name: "Contoh".to_owned(),
        shop: merchant.name.clone(),
        period: bill.id.period().first_day(),
        amount: bill.amount(),
        due: bill.due,
        link,
    };
    let body = template.call(language).body;
    let listed = Listed::asked_for(Kind::Bill, language, phone, &body, &page).map_err(broken)?;
    let queued = list::send(app, &merchant, &[listed]).await?;
    Ok(if queued.new > 0 {
        Sample::Queued
    } else {
        Sample::QueuedBefore
    })
}
