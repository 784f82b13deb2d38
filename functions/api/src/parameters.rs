//! The query of a request, read by name; what is left over is refused by name.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use utoipa::IntoParams;

use crate::gate::Caller;
use crate::problem::{Kind, Problem};

/// Things on a page where nothing is said.
const USUAL_PAGE: u16 = 50;
/// Things on a page at most.
const LARGEST_PAGE: u16 = 100;

/// What [`Parameters::page`] reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes and is never made")]
pub(crate) struct Paging {
    /// How many at most; 50 where nothing is said
    #[param(minimum = 1, maximum = 100, example = 50)]
    limit: Option<u32>,
    /// The `next` of the page before
    #[param(max_length = 1024, example = "CzwgnG_k0EsnSeM0EPiruGRhc2Fy")]
    cursor: Option<String>,
}

/// The parameters that nobody has read yet.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// How many at most.
    pub limit: u16,
    /// After which; the beginning where it is none.
    pub after: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| {
            Problem::new(
                Kind::MalformedBody,
                "the query is no list of names and values",
            )
        })?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// The value of `name`.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = self.0.extract_if(.., |(given, _)| given == name);
        let (first, second) = (found.next(), found.next());
        drop(found);
        if second.is_some() {
            let detail = format!("{name}: given more than once");
            return Err(Problem::at(Kind::InvalidField, name, detail));
        }
        Ok(first.map(|(_, value)| value))
    }

    /// `true` or `false`; `false` where it is not there.
    pub fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.take(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                let detail = format!("{name}: neither true nor false");
                Err(Problem::at(Kind::InvalidField, name, detail))
            }
        }
    }

    /// The page that `limit` and `cursor` ask for of a list, whose name says its filters too.
    pub fn page(&mut self, caller: &Caller, list: &str) -> Result<Page, Problem> {
        let limit = match self.take("limit")? {
            None => USUAL_PAGE,
            Some(text) => number(&text).ok_or_else(|| {
                let detail = format!("limit: not a number from 1 to {LARGEST_PAGE}");
                Problem::at(Kind::InvalidField, "limit", detail)
            })?,
        };
        let after = self.cursor(caller, list)?;
        Ok(Page { limit, after })
    }

    /// The position in a list at which `cursor` begins.
    pub fn cursor(&mut self, caller: &Caller, list: &str) -> Result<Option<String>, Problem> {
        let cursor = self.take("cursor")?;
        let position = cursor.map(|cursor| caller.cursors.open(list, &cursor));
        position.transpose()
    }

    /// Refuses what is left over.
    pub fn end(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(64).collect();
                let detail = format!("{name}: there is no such parameter; leave it out");
                Err(Problem::at(Kind::UnknownField, name, detail))
            }
        }
    }
}

/// Digits only, from 1 to [`LARGEST_PAGE`].
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (1..=LARGEST_PAGE).contains(&number).then_some(number)
}
