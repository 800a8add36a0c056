//! What a call needs: actions, and the ARNs of what they are done to, as far as the request tells. The types of resources
//! are those of the Service Authorization Reference.

mod fields;
mod rds;

use super::Tags;
use super::condition::{CREATE_ACTION, Keys, OVERWRITE, QUALIFIER, RECORD_ACTIONS, RECORD_TYPES};
use crate::gateway::call::{Call, Caller};
use crate::{arn, lambda, xml};
use fields::Fields;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Such as `rds:DescribeDBInstances`.
    pub action: String,
    /// An ARN, or `*` where the action knows no resources.
    pub resource: String,
    /// Whether it is not the call itself, but what the service demands besides, for what it does on the caller's behalf.
    pub besides: bool,
}

impl Need {
    /// What a service demands besides the call itself.
    fn besides(action: &str, resource: String) -> Self {
        Self {
            action: action.to_owned(),
            resource,
            besides: true,
        }
    }
}

/// All that a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Each of these has to be allowed.
    pub needs: Vec<Need>,
    /// The tags that it sets.
    pub tags: Tags,
    /// What else it tells, for conditions.
    pub keys: Keys,
}

/// What the request doesn't tell, but the services know.
pub trait Facts: Send + Sync {
    /// The tags of the resource with this ARN.
    fn tags(&self, arn: &str) -> Option<Tags>;
    /// The ARN of the state machine that waits for a task token.
    fn machine_of(&self, token: &str) -> Option<String>;
}

impl Request {
    /// Reads a call.
    #[must_use]
    pub fn of(call: &Call, facts: &dyn Facts) -> Self {
        let fields = Fields::of(call);
        match call.service.as_str() {
            "rds" => return rds::request(&call.operation, &fields),
            "states" => return states(call, &fields, facts),
            "elasticloadbalancing" => return listeners(&call.operation, &fields),
            _ => {}
        }
        let resources = match call.service.as_str() {
            "dynamodb" => dynamodb(&fields),
            "sns" => fields.text("TopicArn").into_iter().collect(),
            "secretsmanager" => secret(&fields),
            "monitoring" => alarm(&call.operation, &fields),
            "route53" => route53(call.uri.path()),
            "ssm" => parameter(&fields),
            "lambda" => function(call),
            _ => Vec::new(),
        };
        let mut request = Self::new(&action(&call.service, &call.operation), resources);
        if call.operation == "ChangeResourceRecordSets" {
            let batch = String::from_utf8_lossy(&call.body);
            for (key, element) in [(RECORD_TYPES, "Type"), (RECORD_ACTIONS, "Action")] {
                let values = xml::all(&batch, element).into_iter();
                request
                    .keys
                    .insert(key, values.map(str::to_owned).collect());
            }
        }
        if call.operation == "PutParameter" {
            let overwrite = fields.flag("Overwrite").to_string();
            request.keys.insert(OVERWRITE, vec![overwrite]);
        }
        request
    }

    /// One action on these resources; without any, on `*`.
    pub(super) fn new(action: &str, mut resources: Vec<String>) -> Self {
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        let need = |resource| Need {
            action: action.to_owned(),
            resource,
            besides: false,
        };
        Self {
            needs: resources.into_iter().map(need).collect(),
            tags: Tags::new(),
            keys: Keys::new(),
        }
    }
}

/// The action that IAM asks for: services have other names there than in signatures, and operations sometimes have.
fn action(service: &str, operation: &str) -> String {
    match (service, operation) {
        ("monitoring", operation) => format!("cloudwatch:{operation}"),
        ("lambda", "Invoke") => "lambda:InvokeFunction".to_owned(),
        (service, operation) => format!("{service}:{operation}"),
    }
}

fn dynamodb(fields: &Fields) -> Vec<String> {
    let Some(table) = fields.text("TableName") else {
        return Vec::new();
    };
    let index = fields.text("IndexName");
    let index = index.map_or_else(String::new, |index| format!("/index/{index}"));
    if table.starts_with("arn:") {
        return vec![format!("{table}{index}")];
    }
    vec![arn("dynamodb", &format!("table/{table}{index}"))]
}

/// A target group that is being made has no id yet.
fn listeners(operation: &str, fields: &Fields) -> Request {
    let named = ["ListenerArn", "TargetGroupArn"].map(|name| fields.text(name));
    let mut resources: Vec<String> = named.into_iter().flatten().collect();
    if operation == "CreateTargetGroup" {
        let name = fields.text("Name").unwrap_or_default();
        resources.push(arn(
            "elasticloadbalancing",
            &format!("targetgroup/{name}/*"),
        ));
    }
    let mut request = Request::new(&format!("elasticloadbalancing:{operation}"), resources);
    request.tags = fields.tags();
    if !request.tags.is_empty() {
        let made = request.needs.iter().map(|need| need.resource.clone());
        let tagging = made.map(|made| Need::besides("elasticloadbalancing:AddTags", made));
        request.needs.extend(tagging.collect::<Vec<_>>());
        let keys = &mut request.keys;
        keys.insert(CREATE_ACTION, vec![operation.to_owned()]);
    }
    request
}

/// A token belongs to a machine, which it doesn't tell. One that was never issued belongs to nothing: Step Functions itself
/// refuses it. A machine's version or alias is no part of the resource, but a condition's business.
fn states(call: &Call, fields: &Fields, facts: &dyn Facts) -> Request {
    let action = format!("states:{}", call.operation);
    if let Some(token) = fields.text("taskToken") {
        let machine = facts.machine_of(&token);
        let mut request = Request::new(&action, machine.iter().cloned().collect());
        request.needs.retain(|_| machine.is_some());
        return request;
    }
    let Some(named) = fields.text("stateMachineArn") else {
        return Request::new(&action, fields.text("executionArn").into_iter().collect());
    };
    let parts: Vec<&str> = named.splitn(8, ':').collect();
    let machine = parts.iter().take(7).copied().collect::<Vec<_>>().join(":");
    let mut request = Request::new(&action, vec![machine]);
    if let Some(qualifier) = parts.get(7) {
        request
            .keys
            .insert(QUALIFIER, vec![(*qualifier).to_owned()]);
    }
    if matches!(call.caller, Caller::Machine(_)) {
        let child = parts.get(6).copied().unwrap_or_default();
        request.needs.extend(waiting_for(child));
    }
    request
}

/// What a machine needs besides to wait for an execution that it starts. Step Functions asks for it when the machine is made:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html>
fn waiting_for(child: &str) -> impl Iterator<Item = Need> {
    let executions = arn("states", &format!("execution:{child}:*"));
    let rule = arn(
        "events",
        "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
    );
    let needs = [
        ("states:DescribeExecution", &executions),
        ("states:StopExecution", &executions),
        ("events:DescribeRule", &rule),
        ("events:PutRule", &rule),
        ("events:PutTargets", &rule),
    ];
    needs
        .map(|(action, resource)| Need::besides(action, resource.clone()))
        .into_iter()
}

/// A secret's ARN ends in a hyphen and six letters, which a caller that asks by name doesn't know.
fn secret(fields: &Fields) -> Vec<String> {
    let named = fields.text("SecretId").into_iter();
    let whole = |id: String| {
        if id.starts_with("arn:") {
            id
        } else {
            arn("secretsmanager", &format!("secret:{id}-AbCdEf"))
        }
    };
    named.map(whole).collect()
}

fn alarm(operation: &str, fields: &Fields) -> Vec<String> {
    let name = match operation {
        "ListTagsForResource" | "TagResource" | "UntagResource" => {
            return fields.text("ResourceARN").into_iter().collect();
        }
        "DescribeAlarms" => "*".to_owned(),
        "DescribeAlarmHistory" => fields.text("AlarmName").unwrap_or_else(|| "*".to_owned()),
        _ => return Vec::new(),
    };
    vec![arn("cloudwatch", &format!("alarm:{name}"))]
}

/// `/2013-04-01/hostedzone/Z1/rrset`, `/2013-04-01/change/C1`.
fn route53(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    match parts.as_slice() {
        [kind @ ("hostedzone" | "change"), id, ..] => {
            vec![format!("arn:aws:route53:::{kind}/{id}")]
        }
        _ => Vec::new(),
    }
}

/// The slash with which a name begins is the one that stands before each name in an ARN.
fn parameter(fields: &Fields) -> Vec<String> {
    let named = fields.text("Name").into_iter();
    let whole = |name: String| {
        arn(
            "ssm",
            &format!("parameter/{}", name.trim_start_matches('/')),
        )
    };
    named.map(whole).collect()
}

/// The function in the path, by name or ARN, with the version that it may name.
fn function(call: &Call) -> Vec<String> {
    let named = lambda::names::in_path(call).into_iter();
    let whole = |named: String| match named.rsplit_once("function:") {
        Some((_, name)) => lambda::arn(name),
        None => lambda::arn(&named),
    };
    named.map(whole).collect()
}

#[cfg(test)]
pub(super) mod tests;
