//! A TCP listener of a Network Load Balancer: new connections are shared by the weights of its target groups.
//!
//! During an upgrade each of the customer's groups that gets connections has a partner of ours, with the addresses of green's
//! counterparts. A group has addresses, but an upgrade knows its instances by their names: the addresses of a name change, and so
//! does the instance that has it.

use super::weighted::{GREEN, split};
use crate::error::StepError;
use crate::ids::hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The heaviest group's weight while connections are shared: a multiple of 100, so that percentages come out exactly, and no more
/// than the 999 that Elastic Load Balancing allows.
const HEAVIEST: u32 = 900;
/// Seconds until each node of the load balancer follows a change of its listener.
pub(super) const SETTLE_SECONDS: u32 = 5;
/// Target groups that one action may have, ours included.
const MOST_GROUPS: usize = 5;

/// A listener as found, or with groups of ours beside the customer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its ARN.
    pub listener: String,
    /// The customer's target groups, as found.
    pub groups: Vec<TargetGroup>,
    /// Seconds for which a client stays with a target group, as found; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stickiness: Option<u32>,
    /// The tags of our target groups.
    pub tags: BTreeMap<String, String>,
    /// Percent of the connections that our groups get; `None` if there are none of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Whether no target's health is waited for: the side that connections leave is closed, so that waiting gains nothing.
    #[serde(skip)]
    pub at_once: bool,
}

/// A target group of the customer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub group: String,
    /// 0 to 999; `None` where the listener has this group alone and no weight.
    pub weight: Option<u16>,
    /// Its targets.
    pub targets: Vec<Target>,
}

/// A registered instance of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The instance's host.
    pub host: String,
    /// Green's host in its place, where connections are shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub green: Option<String>,
    /// How it was registered when it was found.
    pub found: Address,
}

/// An address as a target group has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The IP address.
    pub ip: String,
    /// The port.
    pub port: u16,
    /// `all` for an address outside of the load balancer's VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// A target group as a listener in one of its states needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// The ARN of the customer's group, or the name of ours.
    pub group: String,
    /// The group after which ours is made; `None` for the customer's.
    pub like: Option<&'a str>,
    /// Its weight in the listener's action.
    pub weight: Option<u16>,
    /// The hosts of its targets, each as it was found in the customer's group; `None` while a group of the customer's gets no
    /// connections, so that it is as found when they come back.
    pub targets: Option<Vec<(&'a str, &'a Address)>>,
}

impl TargetGroup {
    fn gets_connections(&self) -> bool {
        self.weight != Some(0)
    }
}

impl Listener {
    /// The target groups that the listener forwards to, in this state.
    #[must_use]
    pub fn parts<'a>(&'a self) -> Vec<Part<'a>> {
        let customers = |group: &'a TargetGroup, weight, kept: bool| Part {
            group: group.group.clone(),
            like: None,
            weight,
            targets: kept.then(|| hosts(group, |target| Some(&target.host))),
        };
        let Some(percent) = self.percent else {
            let groups = self.groups.iter();
            return groups
                .map(|group| customers(group, group.weight, true))
                .collect();
        };
        let weights: Vec<u32> = self
            .groups
            .iter()
            .map(|group| group.weight.unwrap_or(1).into())
            .collect();
        let mut parts = vec![];
        for (group, (stays, goes)) in
            self.groups
                .iter()
                .zip(split(&weights, HEAVIEST, percent.into()))
        {
            parts.push(customers(group, weight(stays), stays > 0));
            if group.gets_connections() {
                parts.push(Part {
                    group: self.partner(group),
                    like: Some(&group.group),
                    weight: weight(goes),
                    targets: Some(hosts(group, |target| target.green.as_ref())),
                });
            }
        }
        parts
    }

    /// The listener in the state that an action is of, by its groups and their weights, ours by name; `None` if it is no state that an
    /// upgrade makes.
    #[must_use]
    pub fn recognized(
        &self,
        forwards: &[(String, Option<u16>)],
        stickiness: Option<u32>,
    ) -> Option<Self> {
        let sorted = |forwards: &[(String, Option<u16>)]| {
            let weighted =
                |(group, weight): &(String, Option<u16>)| (group.clone(), weight.unwrap_or(1));
            let mut sorted: Vec<(String, u16)> = forwards.iter().map(weighted).collect();
            sorted.sort();
            sorted
        };
        let now = sorted(forwards);
        let states = std::iter::once(None).chain((0..=100).map(Some));
        states.map(|percent| self.at(percent)).find(|state| {
            let parts = state.parts().into_iter();
            let forwards: Vec<_> = parts.map(|part| (part.group, part.weight)).collect();
            state.kept_with_a_group() == stickiness && sorted(&forwards) == now
        })
    }

    /// The same listener with so many percent of its connections on our groups.
    #[must_use]
    pub fn at(&self, percent: Option<u8>) -> Self {
        Self {
            percent,
            ..self.clone()
        }
    }

    /// Seconds for which a client stays with a target group. While connections are shared none does, or they would not move.
    #[must_use]
    pub fn kept_with_a_group(&self) -> Option<u32> {
        self.stickiness.filter(|_| self.percent.is_none())
    }

    /// The names of our groups, whether they are there or not.
    pub fn partners(&self) -> impl Iterator<Item = String> {
        let groups = self.groups.iter().filter(|group| group.gets_connections());
        groups.map(|group| self.partner(group))
    }

    /// The same for each retry, and another for each upgrade, listener and group.
    fn partner(&self, group: &TargetGroup) -> String {
        let tags = self.tags.values().map(String::as_str);
        let parts: Vec<&str> = tags.chain([&*self.listener, &*group.group]).collect();
        format!("{GREEN}-{}", hash(&parts))
    }

    /// Why it can't be shared, if it can't.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if it has too many groups, none that gets connections, or one that does and is empty or that an earlier
    /// upgrade left.
    pub fn check(&self) -> Result<(), StepError> {
        let sharing = self.groups.iter().filter(|group| group.gets_connections());
        let is_ours = |group: &TargetGroup| group.group.contains(&format!(":targetgroup/{GREEN}-"));
        let is_empty = |group: &TargetGroup| group.gets_connections() && group.targets.is_empty();
        let why = match sharing.count() {
            _ if self.groups.iter().any(is_ours) => {
                "forwards to a target group of an earlier upgrade; let it forward to your own, with this database's addresses".to_owned()
            }
            0 => "has no target group that gets connections".to_owned(),
            _ if self.groups.iter().any(is_empty) => {
                "forwards to a target group without a target; register the instances that it is for".to_owned()
            }
            some if some + self.groups.len() > MOST_GROUPS => format!(
                "has {} target groups; with one more for each that gets connections an action would have more than {MOST_GROUPS}",
                self.groups.len()
            ),
            _ => return Ok(()),
        };
        Err(StepError::refused(format!("the listener {why}")))
    }

    /// With green's hosts beside blue's.
    pub(super) fn beside(
        &self,
        greens: &BTreeMap<String, String>,
        percent: u8,
    ) -> Result<Self, StepError> {
        let mut shared = self.at(Some(percent));
        for group in shared
            .groups
            .iter_mut()
            .filter(|group| group.gets_connections())
        {
            for target in &mut group.targets {
                let green = greens.get(&target.host).ok_or_else(|| {
                    StepError::refused(format!(
                        "the target group {} has `{}`, which is no member of blue; deregister it",
                        group.group, target.host
                    ))
                })?;
                target.green = Some(green.clone());
            }
        }
        Ok(shared)
    }

    pub(super) fn to(&self, hosts: &BTreeMap<String, String>) -> Self {
        let mut moved = self.clone();
        for target in moved.groups.iter_mut().flat_map(|group| &mut group.targets) {
            if let Some(host) = hosts.get(&target.host) {
                target.host.clone_from(host);
            }
        }
        moved
    }

    pub(super) fn leads_only_to(&self, host: &str) -> bool {
        let mut targets = self.groups.iter().flat_map(|group| &group.targets);
        targets.all(|target| target.host == host)
    }
}

fn hosts<'a>(
    group: &'a TargetGroup,
    host: impl Fn(&'a Target) -> Option<&'a String>,
) -> Vec<(&'a str, &'a Address)> {
    let targets = group.targets.iter();
    targets
        .filter_map(|target| Some((host(target)?.as_str(), &target.found)))
        .collect()
}

fn weight(weight: u32) -> Option<u16> {
    u16::try_from(weight).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listener(weights: &[Option<u16>]) -> Listener {
        let group = |(n, weight): (usize, &Option<u16>)| TargetGroup {
            group: format!("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/orders-{n}/1"),
            weight: *weight,
            targets: vec![Target {
                host: format!("blue-{n}"),
                green: None,
                found: Address {
                    ip: format!("10.0.0.{n}"),
                    port: 5432,
                    zone: None,
                },
            }],
        };
        Listener {
            listener: "arn:aws:elasticloadbalancing:eu-west-1:1:listener/net/orders/1/1".into(),
            groups: weights.iter().enumerate().map(group).collect(),
            stickiness: None,
            tags: BTreeMap::from([("viridian:owner".to_owned(), "one".to_owned())]),
            percent: None,
            at_once: false,
        }
    }

    fn greens() -> BTreeMap<String, String> {
        let pair = |n| (format!("blue-{n}"), format!("green-{n}"));
        (0..5).map(pair).collect()
    }

    fn forwards(listener: &Listener) -> Vec<(String, Option<u16>)> {
        let parts = listener.parts().into_iter();
        parts.map(|part| (part.group, part.weight)).collect()
    }

    fn sum(listener: &Listener, ours: bool) -> u32 {
        let parts = listener.parts().into_iter();
        let parts = parts.filter(|part| part.like.is_some() == ours);
        parts.map(|part| u32::from(part.weight.unwrap_or(1))).sum()
    }

    fn weights() -> impl Strategy<Value = Vec<Option<u16>>> {
        let heaviest = (1..=999_u16).prop_map(Some);
        let others = prop::collection::vec((0..=999_u16).prop_map(Some), 0..2);
        let several = (heaviest, others).prop_map(|(first, others)| {
            let mut all = vec![first];
            all.extend(others);
            all
        });
        prop_oneof![Just(vec![None]), several]
    }

    proptest! {
        #[test]
        fn the_share_is_what_was_asked_for(weights in weights(), percent in 0_u8..=100) {
            let found = listener(&weights);
            let shared = found.beside(&greens(), percent).unwrap();
            let (stays, goes) = (sum(&shared, false), sum(&shared, true));
            let off = (goes * 100).abs_diff(u32::from(percent) * (stays + goes));
            prop_assert!(off <= 50, "{goes} of {}", stays + goes);
            prop_assert!(forwards(&shared).iter().all(|(_, weight)| weight.is_some_and(|it| it <= 999)));
            prop_assert_eq!(found.recognized(&forwards(&shared), None), Some(found.at(Some(percent))));
        }

        #[test]
        fn as_found_it_is_recognized_in_any_order_and_comes_back_exactly(weights in weights()) {
            let found = listener(&weights);
            let mut now = forwards(&found);
            now.reverse();
            prop_assert_eq!(found.recognized(&now, None), Some(found.clone()));
            let shared = found.beside(&greens(), 50).unwrap().at(None);
            prop_assert_eq!(forwards(&shared), forwards(&found));
        }
    }

    #[test]
    fn foreign_weights_or_stickiness_are_not_recognized() {
        let found = listener(&[None]);
        let mut now = forwards(&found);
        assert_eq!(found.recognized(&now, Some(60)), None);
        now[0].1 = Some(7);
        assert_eq!(found.recognized(&now, None), None);
        now.push(("viridian-green-other".into(), Some(1)));
        assert_eq!(found.recognized(&now, None), None);
    }

    #[test]
    fn a_group_of_the_customers_without_connections_keeps_its_targets() {
        let targets = |percent| {
            let shared = listener(&[Some(3), Some(0)]).beside(&greens(), percent);
            let shared = shared.expect("a share");
            let parts = shared.parts().into_iter();
            parts
                .map(|part| part.targets.map(|targets| targets[0].0.to_owned()))
                .collect::<Vec<_>>()
        };
        let host = |host: &str| Some(host.to_owned());
        assert_eq!(targets(50), [host("blue-0"), host("green-0"), None]);
        assert_eq!(targets(100), [None, host("green-0"), None]);
    }

    #[test]
    fn our_names_are_valid_and_of_one_upgrade_and_group() {
        let one = listener(&[Some(1), Some(1)]);
        let mut other = one.clone();
        other.tags.insert("viridian:owner".into(), "two".into());
        let names: Vec<String> = one.partners().chain(other.partners()).collect();
        let different: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), 4);
        for name in names {
            assert!(
                name.len() <= 32 && name.starts_with("viridian-green-"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_listener_that_can_not_be_shared_is_refused() {
        for weights in [vec![], vec![Some(0)], vec![Some(1); 3]] {
            assert!(listener(&weights).check().is_err(), "{weights:?}");
        }
        let mut left = listener(&[None]);
        left.groups[0].group =
            "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/viridian-green-0/1".into();
        assert!(left.check().is_err());
        assert!(listener(&[None]).check().is_ok());
        assert!(listener(&[Some(1), Some(1)]).check().is_ok());
        assert!(listener(&[None]).beside(&BTreeMap::new(), 10).is_err());
    }
}
