//! Who we are on a database's servers, and how we show it: by a password, or by a token of IAM.

use crate::Network;
use domain::error::StepError;
use ports::{Endpoint, Error};
use serde::Deserialize;
use std::fmt;

/// The secret `viridian/{database}`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// Our own role.
    pub username: String,
    /// Its password. Without one we log in by IAM.
    #[serde(default)]
    pub password: Option<String>,
    /// PEM of the authorities that sign the servers' certificates. Without it the platform's trust store decides, and RDS's
    /// authorities are in none.
    #[serde(default)]
    pub ca: Option<String>,
    /// As whom old blue follows green; by default as our own role.
    #[serde(default)]
    pub replication: Option<Replication>,
}

/// A role that may read from slots, with a password: a subscription keeps it for days, and a token is good for minutes.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Replication {
    /// The role.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .field("replication", &self.replication)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replication")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// Whether we log in by IAM.
    #[must_use]
    pub const fn is_by_iam(&self) -> bool {
        self.password.is_none()
    }

    /// The login of the role as which old blue follows green, where it has one of its own.
    #[must_use]
    pub(crate) fn of_replication(&self) -> Option<Self> {
        let role = self.replication.clone()?;
        Some(Self {
            username: role.username,
            password: Some(role.password),
            ca: self.ca.clone(),
            replication: None,
        })
    }

    /// A token has the role's name in a URL, where the SDK writes it as it is.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if self.is_by_iam() && (self.username.is_empty() || !self.username.chars().all(plain)) {
            let why = "to log in by IAM the secret's `username` must be of letters, digits and _ . - only";
            return Err(StepError::refused(why));
        }
        Ok(())
    }

    /// What this server takes as the role's password.
    pub(crate) async fn pass(
        &self,
        network: &impl Network,
        server: &Endpoint,
    ) -> Result<String, Error> {
        match &self.password {
            Some(password) => Ok(password.clone()),
            None => network.token(server, &self.username).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Login;
    use serde_json::json;

    fn login(secret: &serde_json::Value) -> Login {
        serde_json::from_value(secret.clone()).expect("a login")
    }

    #[test]
    fn a_login_prints_no_password() {
        let login = login(&json!({
            "username": "viridian", "password": "secret",
            "replication": {"username": "follower", "password": "secret"}
        }));
        let shown = format!("{login:?}");
        assert!(
            !shown.contains("secret") && shown.contains("follower"),
            "{shown}"
        );
    }

    #[test]
    fn without_a_password_it_is_by_iam_and_the_name_must_fit_a_token() {
        assert!(login(&json!({"username": "viridian"})).check().is_ok());
        for unfit in ["", "a&DBUser=b", "a b", "a%41", "ü"] {
            let unfit = json!({"username": unfit});
            assert!(login(&unfit).check().is_err(), "{unfit}");
        }
        let by_password = login(&json!({"username": "a b", "password": "secret"}));
        assert!(!by_password.is_by_iam() && by_password.check().is_ok());
    }

    #[test]
    fn the_followers_login_is_by_its_own_password() {
        let replication = json!({"username": "follower", "password": "secret"});
        let ours = login(&json!({"username": "viridian", "ca": "PEM", "replication": replication}));
        let theirs = ours.of_replication().expect("it has one");
        assert_eq!(theirs.username, "follower");
        assert!(!theirs.is_by_iam() && theirs.ca == ours.ca && theirs.replication.is_none());
    }
}
