//! What the messages cost, and how that is paid.

use anyhow::ensure;
use pesan_domain::balance::{Balance, PRICE};
use pesan_domain::money::Rupiah;
use pesan_service::top_up;
use serde_json::json;

use super::{Player, demo, say};

/// What the demo tops up by: so many messages.
const PACKAGE: &str = "100";

impl Player {
    /// The receipt on WhatsApp was paid for, and the one on Telegram was free.
    pub(super) async fn debited(&self) -> anyhow::Result<()> {
        say("\n== the shop paid for the message on WhatsApp")?;
        let balance = self.balance().await?;
        say_balance(&balance)?;
        ensure!(balance.spent == PRICE, "one message was not paid for once");
        ensure!(balance.reserved == Rupiah::ZERO, "money is still set aside");
        Ok(())
    }

    pub(super) async fn topped_up(&self) -> anyhow::Result<()> {
        say("\n== the shop tops up its balance and pays through Midtrans")?;
        let before = self.balance().await?;
        let sold = top_up::open(&self.app().await?, &demo()?, PACKAGE).await?;
        let (order, amount) = (sold.order.as_str(), sold.package.amount);
        say(&format!("   {order}: {amount}, to be paid at {}", sold.url))?;
        let pay = json!({"do": "pay", "method": "bca_va", "times": 2});
        let path = format!("/sandbox/midtrans/transactions/{order}");
        let paid = self.post(&path, &pay).await?;
        say(&format!("   the bank says {paid}"))?;
        self.post("/sandbox/idle", &json!({})).await?;
        let balance = self.balance().await?;
        say_balance(&balance)?;
        ensure!(
            before.available.checked_add(amount) == Some(balance.available),
            "the balance was not credited once"
        );
        ensure!(balance.is_sound(), "the books do not hold");
        Ok(())
    }

    /// In the end every message was paid for once, and nothing is left in the air.
    pub(super) async fn books_hold(&self) -> anyhow::Result<()> {
        say("\n== what all of it cost")?;
        let balance = self.balance().await?;
        say_balance(&balance)?;
        ensure!(balance.is_sound(), "the books do not hold");
        ensure!(balance.reserved == Rupiah::ZERO, "money is still set aside");
        let taken = self.taken().await?;
        ensure!(
            PRICE.checked_mul(taken) == Some(balance.spent),
            "{taken} messages were taken, and {} was spent",
            balance.spent
        );
        say(&format!("   {taken} messages at {PRICE}"))
    }

    async fn balance(&self) -> anyhow::Result<Balance> {
        let (_, account) = top_up::balance(&self.app().await?, &demo()?).await?;
        Ok(account.balance)
    }
}

fn say_balance(balance: &Balance) -> anyhow::Result<()> {
    say(&format!(
        "   available {}, set aside {}, spent {}",
        balance.available, balance.reserved, balance.spent
    ))
}
