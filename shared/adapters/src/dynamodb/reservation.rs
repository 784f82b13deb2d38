use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use pesan_domain::calendar::SlotTime;
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{RESALE_GRACE, Reservation};
use serde::{Deserialize, Serialize};

use super::chat::ChatRecord;
use super::link::link_row;
use super::payment::payment_row;
use super::rows::{Keyed, ReservationRow, SeatRow};
use super::{
    Item, Places, Store, StoreError, broken, cancelled, keys, lost_or_unavailable, to_item,
    unavailable,
};

/// The index's word for reservations.
pub(super) const RESERVATIONS: &str = "RSV";

/// A hold that ended at or before this moment may be sold again.
pub(super) fn resold_before(now: Timestamp) -> Timestamp {
    now.checked_sub(RESALE_GRACE).unwrap_or(Timestamp::MIN)
}

/// Everything one *Book Now* writes.
#[derive(Debug)]
pub struct Booking<'a> {
    /// The chat after the step.
    pub chat: &'a ChatRecord,
    /// The new reservation, held.
    pub reservation: &'a Reservation,
    /// Its first payment.
    pub payment: &'a Payment,
    /// The hash of the order page's token.
    pub link_hash: &'a str,
    /// For the seat's grace.
    pub now: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Pointer {
    made_at: i64,
}

impl Store {
    /// Claims the seat and writes the booking, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::SeatTaken`] when another booking has the seat, [`StoreError::Conflict`] when
    /// another update of the chat came first.
    pub async fn book(&self, merchant: &Merchant, booking: &Booking<'_>) -> Result<(), StoreError> {
        let Booking {
            chat,
            reservation,
            payment,
            ..
        } = booking;
        let link = link_row(booking.link_hash, &merchant.id, &reservation.code);
        let pointer = Keyed::new(
            keys::chat_reservation(&merchant.id, reservation.chat, &reservation.code),
            Pointer {
                made_at: reservation.made_at.as_second(),
            },
        );
        let mut writes = vec![
            self.chat_put(&merchant.id, chat)?,
            self.seat_claim(
                merchant,
                reservation,
                Some(reservation.held_until),
                booking.now,
            )?,
            self.put_new(to_item(&reservation_row(merchant, reservation))?)?,
            self.put_new(to_item(&payment_row(merchant, payment))?)?,
            self.put(to_item(&link)?)?,
            self.put(to_item(&pointer)?)?,
        ];
        writes.extend(self.payment_asked(&merchant.id, payment)?);
        let seat = Places {
            seat: Some(1),
            ..Places::default()
        };
        self.transact(writes, seat).await
    }

    /// Takes the reservation's seat: where none is held, where the hold ran out, or where it is
    /// this reservation's own. One item a seat, so there is no counter to drift.
    pub(super) fn seat_claim(
        &self,
        merchant: &Merchant,
        reservation: &Reservation,
        held_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let row = Keyed::new(
            keys::seat(
                &merchant.id,
                reservation.date,
                &slot_key(&reservation.slot),
                reservation.seat,
            ),
            SeatRow {
                code: reservation.code.as_str().to_owned(),
                held_until: held_until.map(Timestamp::as_second),
            },
        );
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(&row)?))
            .condition_expression(
                "attribute_not_exists(PK) OR held_until <= :resold OR code = :code",
            )
            .expression_attribute_values(
                ":resold",
                AttributeValue::N(resold_before(now).as_second().to_string()),
            )
            .expression_attribute_values(
                ":code",
                AttributeValue::S(reservation.code.as_str().to_owned()),
            )
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The reservation after a step, over the version before it.
    pub(super) fn reservation_update(
        &self,
        merchant: &Merchant,
        reservation: &Reservation,
    ) -> Result<TransactWriteItem, StoreError> {
        self.put_over(
            to_item(&reservation_row(merchant, reservation))?,
            reservation.version.saturating_sub(1),
        )
    }

    pub(super) fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(PK)")
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Puts a row over the one of `version`.
    pub(super) fn put_over(
        &self,
        item: Item,
        version: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn delete(&self, key: &keys::Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
        places: Places,
    ) -> Result<(), StoreError> {
        self.client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await
            .map_err(|error| cancelled(error, places))?;
        Ok(())
    }

    /// As [`Store::put_over`], without the price of a transaction.
    pub(super) async fn put_alone_over(&self, item: Item, version: u64) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
            .send()
            .await
            .map_err(lost_or_unavailable)?;
        Ok(())
    }

    pub(super) async fn put_alone(&self, item: Item) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }
}

/// The reservation's row; its index keys follow from when it was made, so they never change.
fn reservation_row(merchant: &Merchant, reservation: &Reservation) -> Keyed<ReservationRow> {
    Keyed::new(
        keys::reservation(&merchant.id, &reservation.code),
        ReservationRow::from(reservation),
    )
    .indexed(
        keys::made_on(merchant, RESERVATIONS, reservation.made_at),
        format!("{}#{}", reservation.made_at, reservation.code.as_str()),
    )
}

/// A slot's key within its day.
pub(super) fn slot_key(slot: &SlotTime) -> String {
    slot.start.strftime("%H:%M").to_string()
}

pub(super) fn sort_key(item: &Item) -> &str {
    item.get("SK")
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}
