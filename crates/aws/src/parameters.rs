//! Parameters of Systems Manager.

use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::Builder;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::types::ParameterType;
use aws_smithy_runtime_api::client::result::SdkError;
use domain::error::StepError;
use ports::{Error, Value};

/// The account's parameters.
#[derive(Debug, Clone)]
pub struct Parameters {
    client: Client,
}

impl Parameters {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl ports::Parameters for Parameters {
    async fn value(&self, name: &str) -> Result<Option<Value>, Error> {
        let parameter = match self.client.get_parameter().name(name).send().await {
            Ok(found) => found.parameter,
            Err(SdkError::ServiceError(error)) if error.err().is_parameter_not_found() => None,
            Err(error) => return Err(looked("reading the parameter")(error)),
        };
        let Some(parameter) = parameter else {
            return Ok(None);
        };
        if parameter.r#type() == Some(&ParameterType::SecureString) {
            let why = format!(
                "the parameter {name} is a SecureString; an endpoint is no secret, so make it a String"
            );
            return Err(StepError::refused(why).into());
        }
        Ok(Some(Value {
            version: parameter.version(),
            text: parameter.value.unwrap_or_default(),
        }))
    }

    async fn replace(&self, name: &str, text: &str) -> Result<i64, Error> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let written = self
            .client
            .put_parameter()
            .name(name)
            .value(text)
            .overwrite(true)
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(acted("writing the parameter"))?;
        Ok(written.version())
    }
}
