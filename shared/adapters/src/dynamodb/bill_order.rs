//! A bill with the newest attempt at paying it.

use pesan_domain::billing::{BillId, Cell};
use pesan_domain::ids::{MerchantId, OrderId, OrderSubject};
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::Payment;
use pesan_domain::subscriber::Subscriber;

use super::bill::{CellRow, cell_item};
use super::keys::Key;
use super::payment::payment_row;
use super::rows::{Keyed, MerchantRow, PaymentRow};
use super::subscriber::subscriber;
use super::{Places, Store, StoreError, TaskKind, broken, from_item, keys, to_item};

/// A bill as its page finds it.
#[derive(Clone, Debug, Default)]
pub struct BillFound {
    /// Who is paid.
    pub merchant: Option<Merchant>,
    /// The bill's cell.
    pub cell: Option<Cell>,
    /// Whose bill it is, as long as they are among the subscribers.
    pub subscriber: Option<Subscriber>,
    /// The newest attempt at paying it; none before the first click.
    pub payment: Option<Payment>,
}

impl Store {
    /// A bill with its merchant, its subscriber and the newest attempt at paying it. Only a second
    /// attempt costs a second read.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn bill_order(
        &self,
        merchant: &MerchantId,
        id: &BillId,
    ) -> Result<BillFound, StoreError> {
        let first = OrderId::new(OrderSubject::Bill(id.clone()), 1);
        let cell_key = keys::bill(merchant, id);
        let subscriber_key = keys::subscriber(merchant, id.subscriber());
        let payment_key = keys::payment(merchant, &first);
        let merchant_key = keys::merchant(merchant);
        let wanted = [&merchant_key, &cell_key, &subscriber_key, &payment_key];
        let mut found = BillFound::default();
        for item in self.batch_get(wanted.map(Key::item).to_vec()).await? {
            let key = Key::of(&item);
            if key.as_ref() == Some(&merchant_key) {
                found.merchant = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?);
            } else if key.as_ref() == Some(&cell_key) {
                found.cell = Some(from_item::<Keyed<CellRow>>(item)?.row.cell()?);
            } else if key.as_ref() == Some(&subscriber_key) {
                found.subscriber = Some(subscriber(item)?);
            } else {
                found.payment = Some(from_item::<Keyed<PaymentRow>>(item)?.row.payment()?);
            }
        }
        let bill = found.cell.as_ref().and_then(|cell| cell.bill.as_ref());
        let owes = |one: &Subscriber| bill.is_some_and(|bill| one.owes(bill));
        found.subscriber = found.subscriber.take().filter(owes);
        if let Some(newest) = bill.and_then(|bill| bill.newest_attempt()) {
            if newest != first {
                found.payment = self.payment(merchant, &newest).await?;
            }
            if found.payment.is_none() {
                return Err(broken("an attempt at paying a bill without its payment"));
            }
        }
        Ok(found)
    }

    /// Writes what a person decided about money in review: payment, cell, and that nobody need look at
    /// it any more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another write of either came first.
    pub async fn decide_review(
        &self,
        merchant: &Merchant,
        payment: &Payment,
        cell: &Cell,
        over: u64,
    ) -> Result<(), StoreError> {
        let order = payment.order_id.as_str();
        let review = keys::waiting(&merchant.id, TaskKind::Review.name(), order);
        let writes = vec![
            self.payment_update(merchant, payment)?,
            self.put_over(cell_item(&merchant.id, cell)?, over)?,
            self.delete(&review)?,
        ];
        self.transact(writes, Places::default()).await
    }

    /// Begins an attempt at paying a bill: the payment, before anybody can pay it, and the cell
    /// that counts it, so that of two clicks one begins it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another write of the cell came first.
    pub async fn begin_attempt(
        &self,
        merchant: &Merchant,
        cell: &Cell,
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let mut writes = vec![
            self.put_new(to_item(&payment_row(merchant, payment))?)?,
            self.put_over(
                cell_item(&merchant.id, cell)?,
                cell.version.saturating_sub(1),
            )?,
        ];
        writes.extend(self.payment_asked(&merchant.id, payment)?);
        self.transact(writes, Places::default()).await
    }
}
