//! One read of whatever an input needs: rows of different things, in one `BatchGetItem`.

use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::catalog::Item as CatalogItem;
use pesan_domain::dialogue::Day;
use pesan_domain::ids::{BookingCode, ItemId, MerchantId, OrderId};
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{Order, Reservation};

use super::chat::{ChatRecord, ChatRow};
use super::reservation::{resold_before, slot_key, sort_key};
use super::rows::{ItemRow, Keyed, MerchantRow, PaymentRow, ReservationRow, SeatRow};
use super::{Item, Store, StoreError, broken, from_item, keys};

/// What to read of one merchant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look<'a> {
    /// A chat.
    pub chat: Option<i64>,
    /// The merchant's profile.
    pub profile: bool,
    /// The seats of a day, judged at a moment. Their keys follow from the merchant's slots.
    pub seats: Option<(&'a Merchant, Date, Timestamp)>,
    /// One item of the catalog.
    pub item: Option<&'a ItemId>,
    /// A booking, with the payment of its current attempt. Only a second attempt at paying costs
    /// a second read.
    pub booking: Option<&'a BookingCode>,
}

/// What was there.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The chat, unless it is new.
    pub chat: Option<ChatRecord>,
    /// The merchant.
    pub merchant: Option<Merchant>,
    /// The seats that were asked for.
    pub day: Option<Day>,
    /// The item.
    pub item: Option<CatalogItem>,
    /// The booking.
    pub order: Option<Order>,
}

impl Store {
    /// Reads what `look` names, in one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn look(&self, merchant: &MerchantId, look: Look<'_>) -> Result<Found, StoreError> {
        let mut wanted = Vec::new();
        if let Some(chat) = look.chat {
            wanted.push(keys::chat(merchant, chat).item());
        }
        if look.profile {
            wanted.push(keys::merchant(merchant).item());
        }
        if let Some(item) = look.item {
            wanted.push(keys::item(merchant, item).item());
        }
        let first = look.booking.map(|code| OrderId::of(code, 1));
        if let (Some(code), Some(first)) = (look.booking, &first) {
            wanted.push(keys::reservation(merchant, code).item());
            wanted.push(keys::payment(merchant, first).item());
        }
        if let Some((shop, date, _)) = look.seats {
            for slot in shop.slots.iter() {
                for seat in 1..=shop.seats_per_slot {
                    wanted.push(keys::seat(merchant, date, &slot_key(slot), seat).item());
                }
            }
        }
        let mut found = Found::default();
        let (mut reservation, mut payment) = (None::<Reservation>, None::<Payment>);
        let mut taken = Vec::new();
        for item in self.batch_get(wanted).await? {
            match sort_key(&item) {
                "CHAT" => found.chat = Some(from_item::<Keyed<ChatRow>>(item)?.row.record()?),
                "PROFILE" => {
                    found.merchant = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?);
                }
                "RESERVATION" => {
                    reservation = Some(
                        from_item::<Keyed<ReservationRow>>(item)?
                            .row
                            .reservation()?,
                    );
                }
                "PAYMENT" => payment = Some(from_item::<Keyed<PaymentRow>>(item)?.row.payment()?),
                key if key.starts_with(keys::ITEM_PREFIX) => {
                    found.item = Some(from_item::<Keyed<ItemRow>>(item)?.row.item()?);
                }
                _ => {
                    if let Some((_, _, now)) = look.seats {
                        taken.extend(taken_seat(item, now)?);
                    }
                }
            }
        }
        found.day = look.seats.map(|_| Day::new(taken));
        if let (Some(reservation), Some(first)) = (reservation, first) {
            if reservation.order_id != first {
                payment = self.payment(merchant, &reservation.order_id).await?;
            }
            found.order = Some(Order {
                payment: payment.ok_or_else(|| broken("a reservation without its payment"))?,
                reservation,
            });
        }
        Ok(found)
    }
}

/// A seat that cannot be sold at `now`: paid, or held and the grace after its end not over.
fn taken_seat(item: Item, now: Timestamp) -> Result<Option<(String, u8)>, StoreError> {
    let row = from_item::<Keyed<SeatRow>>(item)?;
    let (slot, number) = row
        .sk
        .strip_prefix(keys::SLOT_PREFIX)
        .and_then(|rest| rest.split_once("#SEAT#"))
        .ok_or_else(|| broken("a seat's key"))?;
    let free = row
        .row
        .held_until
        .is_some_and(|until| until <= resold_before(now).as_second());
    let seat = (slot.replace(':', ""), number.parse().map_err(broken)?);
    Ok((!free).then_some(seat))
}
