//! Listeners of Network Load Balancers and their target groups.

use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::Builder;
use aws_sdk_elasticloadbalancingv2::config::retry::RetryConfig;
use aws_sdk_elasticloadbalancingv2::types::{
    self as elb, ActionTypeEnum, ForwardActionConfig, ProtocolEnum, Tag, TargetDescription,
    TargetGroupStickinessConfig, TargetGroupTuple, TargetHealthStateEnum, TargetTypeEnum,
};
use aws_smithy_runtime_api::client::result::SdkError;
use domain::error::StepError;
use domain::routes::Address;
use ports::{Action, Error, Group, Health};
use std::collections::BTreeMap;

/// The zone of a target outside of the load balancer's VPC.
const ANY_ZONE: &str = "all";

/// The account's listeners and target groups.
#[derive(Debug, Clone)]
pub struct Listeners {
    client: Client,
    /// Makes each change once: where its answer is lost, the caller looks before it calls again.
    acting_client: Client,
}

impl Listeners {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let once = Builder::from(config).retry_config(RetryConfig::disabled());
        let once = once.build();
        Self {
            client: Client::new(config),
            acting_client: Client::from_conf(once),
        }
    }

    async fn described(&self, id: &str) -> Result<Option<elb::TargetGroup>, Error> {
        let call = self.client.describe_target_groups();
        let call = if id.starts_with("arn:") {
            call.target_group_arns(id)
        } else {
            call.names(id)
        };
        match call.send().await {
            Ok(found) => Ok(found.target_groups.unwrap_or_default().pop()),
            Err(SdkError::ServiceError(error))
                if error.err().is_target_group_not_found_exception() =>
            {
                Ok(None)
            }
            Err(error) => Err(looked("describing the target group")(error)),
        }
    }
}

impl ports::Listeners for Listeners {
    async fn action(&self, listener: &str) -> Result<Option<Action>, Error> {
        let found = match self
            .client
            .describe_listeners()
            .listener_arns(listener)
            .send()
            .await
        {
            Ok(found) => found.listeners.unwrap_or_default().pop(),
            Err(SdkError::ServiceError(error)) if error.err().is_listener_not_found_exception() => {
                None
            }
            Err(error) => return Err(looked("describing the listener")(error)),
        };
        let Some(found) = found else {
            return Ok(None);
        };
        let action = match (found.protocol(), found.default_actions()) {
            (Some(ProtocolEnum::Tcp), [action]) => forwarding(action),
            _ => None,
        };
        let unfit = || {
            StepError::refused(format!(
                "the listener {listener} is no TCP listener of a Network Load Balancer that forwards to target groups; name one that is"
            ))
        };
        Ok(Some(action.ok_or_else(unfit)?))
    }

    async fn forward(&self, listener: &str, action: &Action) -> Result<(), Error> {
        let forward = elb::Action::builder().r#type(ActionTypeEnum::Forward);
        let forward = match &action.forwards[..] {
            [(group, None)] => forward.target_group_arn(group),
            groups => {
                let groups = groups.iter().map(|(group, weight)| {
                    let tuple = TargetGroupTuple::builder().target_group_arn(group);
                    tuple.set_weight(weight.map(i32::from)).build()
                });
                let config =
                    ForwardActionConfig::builder().set_target_groups(Some(groups.collect()));
                let kept = action
                    .stickiness
                    .and_then(|seconds| i32::try_from(seconds).ok());
                let kept = kept.map(|seconds| {
                    let kept = TargetGroupStickinessConfig::builder().enabled(true);
                    kept.duration_seconds(seconds).build()
                });
                forward.forward_config(config.set_target_group_stickiness_config(kept).build())
            }
        };
        self.acting_client
            .modify_listener()
            .listener_arn(listener)
            .default_actions(forward.build())
            .send()
            .await
            .map_err(acted("changing the listener"))?;
        Ok(())
    }

    async fn group(&self, id: &str) -> Result<Option<Group>, Error> {
        let Some(found) = self.described(id).await? else {
            return Ok(None);
        };
        let arn = found.target_group_arn.unwrap_or_default();
        let tags = self.client.describe_tags().resource_arns(&arn).send().await;
        let tags = tags.map_err(looked("reading the target group's tags"))?;
        let tags = tags
            .tag_descriptions()
            .iter()
            .flat_map(elb::TagDescription::tags);
        let tag = |tag: &Tag| {
            Some((
                tag.key()?.to_owned(),
                tag.value().unwrap_or_default().to_owned(),
            ))
        };
        Ok(Some(Group {
            has_addresses: found.target_type == Some(TargetTypeEnum::Ip)
                && found.protocol == Some(ProtocolEnum::Tcp),
            tags: tags.filter_map(tag).collect(),
            arn,
        }))
    }

    async fn create_group(
        &self,
        name: &str,
        like: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let Some(like) = self.described(like).await? else {
            return Err(StepError::refused(format!("the target group {like} is gone")).into());
        };
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let created = self
            .acting_client
            .create_target_group()
            .name(name)
            .set_protocol(like.protocol)
            .set_port(like.port)
            .set_vpc_id(like.vpc_id)
            .set_target_type(like.target_type)
            .set_ip_address_type(like.ip_address_type)
            .set_health_check_protocol(like.health_check_protocol)
            .set_health_check_port(like.health_check_port)
            .set_health_check_enabled(like.health_check_enabled)
            .set_health_check_path(like.health_check_path)
            .set_health_check_interval_seconds(like.health_check_interval_seconds)
            .set_health_check_timeout_seconds(like.health_check_timeout_seconds)
            .set_healthy_threshold_count(like.healthy_threshold_count)
            .set_unhealthy_threshold_count(like.unhealthy_threshold_count)
            .set_matcher(like.matcher)
            .set_tags(Some(tags.collect()))
            .send()
            .await;
        match created {
            Err(SdkError::ServiceError(error))
                if error.err().is_duplicate_target_group_name_exception() =>
            {
                Ok(())
            }
            created => created.map(drop).map_err(acted("making a target group")),
        }
    }

    async fn targets(&self, group: &str) -> Result<Vec<(Address, Health)>, Error> {
        let found = self
            .client
            .describe_target_health()
            .target_group_arn(group)
            .send()
            .await;
        let found = found.map_err(looked("describing the targets' health"))?;
        let targets = found
            .target_health_descriptions()
            .iter()
            .filter_map(|described| {
                let target = described.target()?;
                let state = described.target_health().and_then(|health| health.state());
                let address = Address {
                    ip: target.id()?.to_owned(),
                    port: u16::try_from(target.port()?).ok()?,
                    zone: target
                        .availability_zone()
                        .filter(|zone| *zone == ANY_ZONE)
                        .map(str::to_owned),
                };
                Some((address, health(state)))
            });
        Ok(targets.collect())
    }

    async fn register(&self, group: &str, targets: &[Address]) -> Result<(), Error> {
        let call = self.acting_client.register_targets();
        let call = call.target_group_arn(group);
        let done = call.set_targets(Some(all(targets))).send().await;
        done.map(drop).map_err(acted("registering targets"))
    }

    async fn deregister(&self, group: &str, targets: &[Address]) -> Result<(), Error> {
        let call = self.acting_client.deregister_targets();
        let call = call.target_group_arn(group);
        let done = call.set_targets(Some(all(targets))).send().await;
        done.map(drop).map_err(acted("deregistering targets"))
    }

    async fn delete_group(&self, group: &str) -> Result<(), Error> {
        let call = self.acting_client.delete_target_group();
        let deleted = call.target_group_arn(group).send().await;
        let deleted = deleted.map_err(acted("deleting the target group"));
        deleted.map(drop)
    }
}

/// What an action forwards to; `None` if it does something else.
fn forwarding(action: &elb::Action) -> Option<Action> {
    let config = action.forward_config();
    let groups = config
        .map(ForwardActionConfig::target_groups)
        .unwrap_or_default()
        .iter();
    let weight = |weight: i32| u16::try_from(weight).ok();
    let mut forwards: Vec<(String, Option<u16>)> = groups
        .map(|group| {
            Some((
                group.target_group_arn()?.to_owned(),
                group.weight().and_then(weight),
            ))
        })
        .collect::<Option<_>>()?;
    if forwards.is_empty() {
        forwards.push((action.target_group_arn()?.to_owned(), None));
    }
    let kept = config.and_then(|config| config.target_group_stickiness_config());
    let kept = kept.filter(|kept| kept.enabled() == Some(true));
    Some(Action {
        forwards,
        stickiness: kept.and_then(|kept| u32::try_from(kept.duration_seconds()?).ok()),
    })
}

const fn health(state: Option<&TargetHealthStateEnum>) -> Health {
    match state {
        Some(TargetHealthStateEnum::Healthy) => Health::Healthy,
        Some(TargetHealthStateEnum::Initial) => Health::Initial,
        Some(TargetHealthStateEnum::Draining) => Health::Draining,
        _ => Health::Unhealthy,
    }
}

/// The targets as Elastic Load Balancing's own type.
fn all(targets: &[Address]) -> Vec<TargetDescription> {
    let told = targets.iter().map(|address| {
        TargetDescription::builder()
            .id(&address.ip)
            .port(address.port.into())
            .set_availability_zone(address.zone.clone())
            .build()
    });
    told.collect()
}
