//! The whole platform of the shipped template.

use crate::stage::python;
use anyhow::Result;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use local::platform::{Options, Platform};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use tests::{end_platform, run_folder};

const BLUE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
const GREEN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

fn resolver(platform: &Platform) -> Result<TokioResolver> {
    let address = platform.nameserver_address;
    let mut server = NameServerConfig::udp_and_tcp(IpAddr::V4(*address.ip()));
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    Ok(builder.with_options(options).build()?)
}

/// Of so many lookups of the reads' name, how many lead to green.
async fn share_of_green(resolver: &TokioResolver, lookups: usize) -> Result<usize> {
    let mut green = 0;
    for _ in 0..lookups {
        let found = resolver.lookup_ip("orders-reads.shop.test.").await?;
        let address = found.iter().next();
        let known = matches!(address, Some(IpAddr::V4(BLUE | GREEN)));
        assert!(known, "{address:?}");
        green += usize::from(address == Some(IpAddr::V4(GREEN)));
    }
    Ok(green)
}

fn weights(blue: u8, green: u8) -> String {
    format!(
        r"
route53 = client('route53')
zone = route53.list_hosted_zones_by_name(DNSName='shop.test')['HostedZones'][0]['Id']
def record(side, weight):
    return {{'Action': 'UPSERT', 'ResourceRecordSet': {{'Name': 'orders-reads.shop.test', 'Type': 'CNAME', 'SetIdentifier': side,
        'Weight': weight, 'TTL': 1, 'ResourceRecords': [{{'Value': side + '.rds.test'}}]}}}}
changed = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={{'Changes': [record('blue', {blue}), record('green', {green})]}})
print(json.dumps(changed['ChangeInfo']['Status']))"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_shared_by_weight_as_soon_as_the_records_are_accepted() -> Result<()> {
    let platform = Platform::start(Options::new(run_folder("weights")), &|_| {}).await?;
    platform.nameserver.register("blue.rds.test", BLUE, 1);
    platform.nameserver.register("green.rds.test", GREEN, 1);
    let resolver = resolver(&platform)?;
    assert!(resolver.lookup_ip("orders-reads.shop.test.").await.is_err());
    python(&platform.endpoint, &weights(90, 10)).await?;
    let tenth = share_of_green(&resolver, 1000).await?;
    assert!((50..=160).contains(&tenth), "{tenth} at a weight of 10 %");
    python(&platform.endpoint, &weights(0, 100)).await?;
    assert_eq!(share_of_green(&resolver, 100).await?, 100);
    python(&platform.endpoint, &weights(0, 0)).await?;
    let half = share_of_green(&resolver, 1000).await?;
    assert!((400..=600).contains(&half), "{half} without any weight");
    end_platform(platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_stack_is_there_for_boto3() -> Result<()> {
    let platform = Platform::start(Options::new(run_folder("stack")), &|_| {}).await?;
    let script = r"
table = boto3.resource('dynamodb').Table('Upgrades')
new = {'ConditionExpression': 'attribute_not_exists(#key)', 'ExpressionAttributeNames': {'#key': 'database'}}
table.put_item(Item={'database': 'orders', 'owner': 'another'}, **new)
try:
    table.put_item(Item={'database': 'orders'}, **new)
except ClientError as error:
    doubled = error.response['Error']['Code']
secrets = client('secretsmanager')
secrets.create_secret(Name='viridian/orders', SecretString='{}')
print(json.dumps({
    'doubled': doubled,
    'item': table.get_item(Key={'database': 'orders'}, ConsistentRead=True)['Item'],
    'secret': secrets.get_secret_value(SecretId='viridian/orders')['SecretString'],
    'topics': [topic['TopicArn'] for topic in client('sns').list_topics()['Topics']],
    'machines': sorted(machine['name'] for machine in client('stepfunctions').list_state_machines()['stateMachines']),
    'functions': [function['FunctionName'] for function in client('lambda').list_functions()['Functions']],
}))";
    let seen = python(&platform.endpoint, script).await?;
    assert_eq!(seen["doubled"], "ConditionalCheckFailedException");
    let item = json!({"database": "orders", "owner": "another"});
    assert_eq!(seen["item"], item);
    assert_eq!(seen["secret"], "{}");
    let topics = ["Topic", "ChatTopic"];
    let topics = topics.map(|name| format!("arn:aws:sns:eu-west-1:123456789012:{name}"));
    assert_eq!(seen["topics"], json!(topics));
    let machines = platform.template.machines.iter();
    let mut machines: Vec<&str> = machines.map(|machine| machine.name.as_str()).collect();
    machines.sort_unstable();
    assert_eq!(seen["machines"], json!(machines));
    let functions = seen["functions"].as_array().map(Vec::len);
    assert_eq!(functions, Some(platform.template.functions.len()));
    let by_hand = platform.calls().of("dynamodb", "PutItem");
    let callers: Vec<&str> = by_hand.iter().map(|call| &*call.caller).collect();
    assert_eq!(callers, ["person", "person"]);
    end_platform(platform).await
}
