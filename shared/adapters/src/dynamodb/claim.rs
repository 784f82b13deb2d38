//! Claims on inputs that no row of their own can hold: an idempotency key, with the answer that was
//! given under it. The table's TTL only tidies up; every condition compares the stored times.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::contact::text;
use super::rows::Keyed;
use super::{
    Store, StoreError, broken, from_item, keys, lost_or_unavailable, to_item, unavailable,
};

/// Who claims what, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind of input it is.
    pub source: &'static str,
    /// The input, among those of its kind.
    pub id: String,
    /// What was asked for, as a hash: another request under the same claim is another one.
    pub fingerprint: String,
    /// Tells this run from every other.
    pub owner: String,
    /// What the run makes its ids of. A run that takes over from one that died has that one's, and so
    /// finds what it made.
    pub seed: u128,
    /// Until when no other run begins.
    pub locked_until: Timestamp,
    /// Until when the answer is kept.
    pub kept_until: Timestamp,
    /// When the first run under it began.
    pub begun_at: Timestamp,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Where what was made is found.
    pub location: Option<String>,
    /// The JSON.
    pub body: String,
}

/// What became of claiming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is this run's, with the seed to use.
    Ours {
        /// As it is stored.
        claim: Claim,
        /// Whether it was taken over from a run that died.
        is_again: bool,
    },
    /// Another run, not over yet, has it.
    Running {
        /// Until when.
        until: Timestamp,
    },
    /// It was answered.
    Answered(Answer),
    /// It was claimed for another request.
    Other,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ClaimRow {
    fingerprint: String,
    owner: String,
    /// 32 hexadecimal digits.
    seed: String,
    /// Milliseconds.
    locked_until: i64,
    /// Milliseconds.
    kept_until: i64,
    /// Milliseconds. One that was claimed before this was written has none.
    #[serde(default)]
    begun_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    expires_at: i64,
}

/// Nobody has it, or the time of whoever had it is over.
const FREE: &str = "attribute_not_exists(PK) OR kept_until <= :now";
/// It is still with the run that died.
const ABANDONED: &str = "#owner = :owner AND attribute_not_exists(#status)";

impl Store {
    /// Claims an input for one run.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row(&claim, None))?))
            .condition_expression(FREE)
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .send()
            .await
            .map_err(lost_or_unavailable);
        match put {
            Ok(_) => Ok(Claimed::Ours {
                claim,
                is_again: false,
            }),
            Err(StoreError::Conflict) => self.claimed(claim, now).await,
            Err(error) => Err(error),
        }
    }

    async fn claim_row(&self, claim: &Claim) -> Result<Option<ClaimRow>, StoreError> {
        let key = keys::claim(claim.source, &claim.id);
        let items = self.batch_get(vec![key.item()]).await?;
        let row = items.into_iter().next().map(from_item::<Keyed<ClaimRow>>);
        Ok(row.transpose()?.map(|keyed| keyed.row))
    }

    /// Who has it; one whose run died before it answered is taken over.
    async fn claimed(&self, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        let Some(row) = self.claim_row(&claim).await? else {
            // It was let go in between: the next try gets it.
            return Ok(Claimed::Running { until: now });
        };
        if row.fingerprint != claim.fingerprint {
            return Ok(Claimed::Other);
        }
        if let (Some(status), Some(body)) = (row.status, row.body) {
            return Ok(Claimed::Answered(Answer {
                status,
                location: row.location,
                body,
            }));
        }
        if row.owner == claim.owner {
            // The answer to this run's own put was lost, and the client put it again.
            return Ok(Claimed::Ours {
                claim,
                is_again: false,
            });
        }
        let until = Timestamp::from_millisecond(row.locked_until).map_err(broken)?;
        if now < until {
            return Ok(Claimed::Running { until });
        }
        let claim = Claim {
            seed: u128::from_str_radix(&row.seed, 16).map_err(broken)?,
            begun_at: Timestamp::from_millisecond(row.begun_at).map_err(broken)?,
            ..claim
        };
        self.take_over(claim, &row.owner, now).await
    }

    async fn take_over(
        &self,
        claim: Claim,
        from: &str,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row(&claim, None))?))
            .condition_expression(ABANDONED)
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":owner", text(from))
            .send()
            .await
            .map_err(lost_or_unavailable);
        match put {
            Ok(_) => Ok(Claimed::Ours {
                claim,
                is_again: true,
            }),
            Err(StoreError::Conflict) => {
                let row = self.claim_row(&claim).await?;
                let Some(row) = row else {
                    return Ok(Claimed::Running { until: now });
                };
                if row.owner == claim.owner {
                    return Ok(Claimed::Ours {
                        claim,
                        is_again: true,
                    });
                }
                let until = Timestamp::from_millisecond(row.locked_until).map_err(broken)?;
                Ok(Claimed::Running { until })
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps the answer of the run that has the claim. One that has lost it keeps nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another run has the claim by now.
    pub async fn answer_claim(&self, claim: &Claim, answer: &Answer) -> Result<(), StoreError> {
        self.rewrite_claim(row(claim, Some(answer)), &claim.owner)
            .await
    }

    /// Leaves the claim to the next run, which takes it over at once: what came of this one is not
    /// known.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another run has the claim by now.
    pub async fn leave_claim(&self, claim: &Claim, now: Timestamp) -> Result<(), StoreError> {
        let left = Claim {
            locked_until: now,
            ..claim.clone()
        };
        self.rewrite_claim(row(&left, None), &claim.owner).await
    }

    async fn rewrite_claim(&self, row: Keyed<ClaimRow>, owner: &str) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(&row)?))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .send()
            .await
            .map_err(lost_or_unavailable)?;
        Ok(())
    }

    /// Lets the claim go: nothing was done under it.
    ///
    /// # Errors
    /// [`StoreError`]; one that another run has by now is left alone.
    pub async fn release_claim(&self, claim: &Claim) -> Result<(), StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::claim(claim.source, &claim.id).item()))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(&claim.owner))
            .send()
            .await;
        match deleted {
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            done => done.map(drop).map_err(unavailable),
        }
    }
}

fn row(claim: &Claim, answer: Option<&Answer>) -> Keyed<ClaimRow> {
    let row = ClaimRow {
        fingerprint: claim.fingerprint.clone(),
        owner: claim.owner.clone(),
        seed: format!("{:032x}", claim.seed),
        locked_until: claim.locked_until.as_millisecond(),
        kept_until: claim.kept_until.as_millisecond(),
        begun_at: claim.begun_at.as_millisecond(),
        status: answer.map(|answer| answer.status),
        location: answer.and_then(|answer| answer.location.clone()),
        body: answer.map(|answer| answer.body.clone()),
        expires_at: claim.kept_until.as_second(),
    };
    Keyed::new(keys::claim(claim.source, &claim.id), row)
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
