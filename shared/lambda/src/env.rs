use std::collections::BTreeMap;

/// The variables a function is configured by, read once at its start.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, String>);

/// A variable that the function cannot do without is absent or empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is missing or empty")]
pub struct MissingVariable(pub String);

impl Env {
    /// The variables of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process environment"
    )]
    pub fn from_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// The value of `name`.
    ///
    /// # Errors
    /// [`MissingVariable`] names it when it is absent or blank.
    pub fn get(&self, name: &str) -> Result<&str, MissingVariable> {
        self.optional(name)
            .ok_or_else(|| MissingVariable(name.to_owned()))
    }

    /// The value of `name`, if there is one that is not blank.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_variable_is_missing_by_name() {
        let env = Env::from_iter([("TABLE_NAME".to_owned(), "  ".to_owned())]);
        assert_eq!(
            env.get("TABLE_NAME"),
            Err(MissingVariable("TABLE_NAME".to_owned()))
        );
    }
}
