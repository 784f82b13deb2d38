//! Whose a number is, and the templates of a merchant.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::Category;
use pesan_domain::message::text::Kind;
use pesan_domain::whatsapp::{Quality, Registered, Said, TemplateStatus};
use serde::{Deserialize, Serialize};

use super::contact::text;
use super::due::DueKind;
use super::keys::Key;
use super::merchant::profile;
use super::rows::{Keyed, language_code};
use super::{Places, Store, StoreError, broken, from_item, keys, to_item};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct OwnerRow {
    merchant: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SaidRow {
    value: String,
    since: i64,
    heard_at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TemplateRow {
    name: String,
    language: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<SaidRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<SaidRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quality: Option<SaidRow>,
    version: u64,
}

impl SaidRow {
    fn of<T: Copy>(said: Said<T>, name: fn(T) -> &'static str) -> Self {
        Self {
            value: name(said.value).to_owned(),
            since: said.since.as_second(),
            heard_at: said.heard_at.as_second(),
        }
    }

    fn said<T, E: std::fmt::Display>(
        self,
        parse: fn(&str) -> Result<T, E>,
    ) -> Result<Said<T>, StoreError> {
        Ok(Said {
            value: parse(&self.value).map_err(broken)?,
            since: Timestamp::from_second(self.since).map_err(broken)?,
            heard_at: Timestamp::from_second(self.heard_at).map_err(broken)?,
        })
    }
}

impl From<&Registered> for TemplateRow {
    fn from(template: &Registered) -> Self {
        Self {
            name: template.kind.name().to_owned(),
            language: language_code(template.language),
            status: template
                .status
                .map(|said| SaidRow::of(said, TemplateStatus::name)),
            reason: template.reason.clone(),
            category: template
                .category
                .map(|said| SaidRow::of(said, Category::name)),
            quality: template
                .quality
                .map(|said| SaidRow::of(said, Quality::name)),
            version: template.version,
        }
    }
}

impl TemplateRow {
    pub fn template(self) -> Result<Registered, StoreError> {
        Ok(Registered {
            kind: Kind::parse(&self.name).map_err(broken)?,
            language: Language::from_code(Some(&self.language)),
            status: self
                .status
                .map(|row| row.said(TemplateStatus::parse))
                .transpose()?,
            reason: self.reason,
            category: self
                .category
                .map(|row| row.said(Category::parse))
                .transpose()?,
            quality: self
                .quality
                .map(|row| row.said(Quality::parse))
                .transpose()?,
            version: self.version,
        })
    }
}

impl Store {
    /// Whose each of these numbers and business accounts is, in one read; the others are nobody's.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn whatsapp_owners(
        &self,
        numbers: &HashSet<String>,
        accounts: &HashSet<String>,
    ) -> Result<HashMap<String, MerchantId>, StoreError> {
        let numbers = numbers.iter().map(|id| keys::whatsapp_number(id).item());
        let accounts = accounts.iter().map(|id| keys::whatsapp_account(id).item());
        let wanted: Vec<_> = numbers.chain(accounts).collect();
        let mut owners = HashMap::new();
        for item in self.batch_get(wanted).await? {
            let row = from_item::<Keyed<OwnerRow>>(item)?;
            if let Some(id) = row.pk.strip_prefix("WA#") {
                let merchant = MerchantId::parse(&row.row.merchant).map_err(broken)?;
                owners.insert(id.to_owned(), merchant);
            }
        }
        Ok(owners)
    }

    /// Writes a merchant's profile over the version before it, and makes its number and business
    /// account its own; those that `before` had and it has no more are free again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another change came first, or another merchant has one.
    pub async fn connect_whatsapp(
        &self,
        before: &Merchant,
        merchant: &Merchant,
    ) -> Result<(), StoreError> {
        let owned = |merchant: &Merchant| -> Vec<Key> {
            let account = merchant.whatsapp.as_ref();
            account.map_or_else(Vec::new, |account| {
                vec![
                    keys::whatsapp_number(&account.phone_number_id),
                    keys::whatsapp_account(&account.waba_id),
                ]
            })
        };
        let mut writes = vec![self.put_over(profile(merchant)?, before.version)?];
        let (old, new) = (owned(before), owned(merchant));
        for key in old.iter().filter(|key| !new.contains(key)) {
            let delete = Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key.item()))
                .condition_expression("merchant = :merchant")
                .expression_attribute_values(":merchant", text(merchant.id.as_str()))
                .build()
                .map_err(broken)?;
            writes.push(TransactWriteItem::builder().delete(delete).build());
        }
        for key in new {
            let row = OwnerRow {
                merchant: merchant.id.as_str().to_owned(),
            };
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(to_item(&Keyed::new(key, row))?))
                .condition_expression("attribute_not_exists(PK) OR merchant = :merchant")
                .expression_attribute_values(":merchant", text(merchant.id.as_str()))
                .build()
                .map_err(broken)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        self.transact(writes, Places::default()).await
    }

    /// A merchant's templates, by name and language.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn templates(&self, merchant: &MerchantId) -> Result<Vec<Registered>, StoreError> {
        let items = self.partition(keys::templates(merchant)).await?;
        items
            .into_iter()
            .map(|item| from_item::<Keyed<TemplateRow>>(item)?.row.template())
            .collect()
    }

    /// A template of a merchant; none where nothing was heard of it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn template(
        &self,
        merchant: &MerchantId,
        kind: Kind,
        language: Language,
    ) -> Result<Option<Registered>, StoreError> {
        let key = keys::template(merchant, kind, language);
        let items = self.batch_get(vec![key.item()]).await?;
        let item = items.into_iter().next();
        item.map(|item| from_item::<Keyed<TemplateRow>>(item)?.row.template())
            .transpose()
    }

    /// Writes a template over the version before it. Where it can be sent, what waits for that is
    /// released.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where other news came first.
    pub async fn put_template(
        &self,
        merchant: &MerchantId,
        template: &Registered,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = keys::template(merchant, template.kind, template.language);
        let row = to_item(&Keyed::new(key, TemplateRow::from(template)))?;
        if !template.can_be_sent() {
            return self.put_next(row, template.version).await;
        }
        let release = DueKind::Release(merchant.clone());
        let writes = vec![
            self.next(row, template.version)?,
            self.due_put(&release, now)?,
        ];
        self.transact(writes, Places::default()).await
    }
}
