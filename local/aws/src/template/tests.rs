use super::*;

fn parse(text: &str, parameters: &[(&str, &str)]) -> Result<Template> {
    Template::parse(text, Path::new("/infra"), &owned(parameters))
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

const SMALL: &str = r"
Parameters:
  Ttl: { Type: Number, Default: 1 }
  Subnets: { Type: CommaDelimitedList, Default: '' }
Conditions:
  InVpc: !Not [!Equals [!Join ['', !Ref Subnets], '']]
Globals:
  Function:
    Timeout: 30
    Environment: { Variables: { TABLE: !Ref Table } }
Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: { KeySchema: [{ AttributeName: id, KeyType: HASH }] } }
  Topic: { Type: AWS::SNS::Topic }
  Plan:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: plan } }
    Properties:
      Timeout: 7
      Environment:
        Variables:
          TTL: !Ref Ttl
          TOPIC: !Sub '${Topic}/${Topic.TopicName}/${AWS::Region}'
          VPC: !If [InVpc, !Ref Subnets, !Ref AWS::NoValue]
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: ../statemachine/upgrade.asl.json
      DefinitionSubstitutions: { Plan: !Ref Plan.Version }
";

#[test]
fn a_function_has_its_globals_and_its_own_environment() {
    let template = parse(SMALL, &[]).unwrap();
    let [plan] = template.functions.as_slice() else {
        panic!("{template:?}")
    };
    assert_eq!((plan.binary.as_str(), plan.timeout.as_secs()), ("plan", 7));
    let topic = "arn:aws:sns:eu-west-1:123456789012:Topic/Topic/eu-west-1";
    let expected = owned(&[("TABLE", "Table"), ("TOPIC", topic), ("TTL", "1")]);
    assert_eq!(plan.environment, Vec::from_iter(expected));
}

#[test]
fn a_machine_calls_the_published_version() {
    let template = parse(SMALL, &[]).unwrap();
    let machine = template.machine("Machine").unwrap();
    assert_eq!(
        machine.substitutions["Plan"],
        "arn:aws:lambda:eu-west-1:123456789012:function:plan:1"
    );
    assert_eq!(
        machine.arn,
        "arn:aws:states:eu-west-1:123456789012:stateMachine:Machine"
    );
    assert_eq!(
        machine.definition,
        Path::new("/infra/../statemachine/upgrade.asl.json")
    );
}

#[test]
fn parameters_override_defaults_and_turn_conditions() {
    let template = parse(SMALL, &[("Ttl", "60"), ("Subnets", "a,b")]).unwrap();
    let environment: BTreeMap<_, _> = template.functions[0].environment.iter().cloned().collect();
    assert_eq!(
        (environment["TTL"].as_str(), environment["VPC"].as_str()),
        ("60", "a,b")
    );
    assert!(parse(SMALL, &[("Tll", "60")]).is_err());
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    for (text, place) in [
        (
            "Resources: { Alien: { Type: AWS::Alien::Thing } }",
            "Resources.Alien",
        ),
        (
            "Resources: { T: { Type: AWS::DynamoDB::Table, Properties: { KeySchema: !Alien x } } }",
            "!Alien",
        ),
        (
            "Resources: { T: { Type: AWS::DynamoDB::Table, Properties: { KeySchema: !Ref NotDeclared } } }",
            "NotDeclared",
        ),
    ] {
        let error = format!("{:#}", parse(text, &[]).unwrap_err());
        assert!(error.contains(place), "{error}");
    }
}

fn shipped(parameters: &[(&str, &str)]) -> Template {
    let path = crate::toolchain::workspace().join("infra/template.yaml");
    Template::read(&path, &owned(parameters)).unwrap()
}

#[test]
fn the_shipped_template_is_understood() {
    let template = shipped(&[]);
    assert!(
        template.machine("UpgradeMachine").is_some()
            && template.machine("RollbackMachine").is_some()
    );
    let (mut functions, mut machines) = (template.functions.iter(), template.machines.iter());
    assert!(functions.all(|function| !function.environment.is_empty()));
    assert!(machines.all(|machine| machine.definition.exists()));
    assert!(!template.rules.is_empty());
}

#[test]
fn an_upgrade_is_started_by_what_the_parameters_say() {
    let upgrade = "arn:aws:states:eu-west-1:123456789012:stateMachine:viridian-upgrade:live";
    let started = |template: &Template| {
        let rules = template.rules.iter().flat_map(|rule| &rule.targets);
        let schedules = template.schedules.iter().map(|schedule| &schedule.target);
        let targets = rules.chain(schedules);
        targets.filter(|target| target.arn == upgrade).count()
    };
    assert_eq!(started(&shipped(&[])), 0);
    let requested = shipped(&[("RequestSource", "com.example.releases")]);
    assert_eq!(started(&requested), 1);
    let request = "{\"database\": \"orders\", \"target_version\": \"17.4\"}";
    let scheduled = shipped(&[
        ("ScheduleExpression", "rate(60 minutes)"),
        ("ScheduleInput", request),
    ]);
    assert_eq!(started(&scheduled), 1);
}

fn scheduled(properties: &str) -> Result<Vec<Schedule>> {
    let resources = format!(
        "Resources: {{ Sweep: {{ Type: AWS::Serverless::Function, Metadata: {{ BuildProperties: {{ Binary: sweep }} }}, \
         Properties: {{ Events: {{ Minute: {{ Type: ScheduleV2, Properties: {{ {properties} }} }} }} }} }} }}"
    );
    Ok(parse(&resources, &[])?.schedules)
}

#[test]
fn a_schedule_calls_its_function_with_an_empty_object() {
    let all = scheduled(
        "ScheduleExpression: rate(1 minute), FlexibleTimeWindow: { Mode: 'OFF' }, RetryPolicy: { MaximumRetryAttempts: 0 }",
    );
    let [minute] = all.unwrap().try_into().unwrap();
    assert_eq!(
        (minute.name.as_str(), minute.every.as_secs()),
        ("SweepMinute", 60)
    );
    assert_eq!(
        minute.target.arn,
        "arn:aws:lambda:eu-west-1:123456789012:function:sweep"
    );
    assert_eq!(minute.target.retries, 0);
    assert_eq!(minute.target.input, Input::Constant("{}".to_owned()));
    let named = "ScheduleExpression: rate(5 minutes), Name: often, Input: '{\"all\": true}'";
    let [often] = scheduled(named).unwrap().try_into().unwrap();
    assert_eq!((often.name.as_str(), often.every.as_secs()), ("often", 300));
    let off = scheduled("ScheduleExpression: rate(1 minute), State: DISABLED, OmitName: true");
    assert_eq!(off.unwrap(), []);
}

const ALIASED: &str = r#"
Parameters:
  When: { Type: String, Default: '' }
Conditions:
  Scheduled: !Not [!Equals [!Ref When, '']]
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties: { DefinitionUri: machine.asl.json, AutoPublishAlias: live }
  Role: { Type: AWS::IAM::Role, Condition: Scheduled }
  Weekly:
    Type: AWS::Scheduler::Schedule
    Condition: Scheduled
    Properties:
      ScheduleExpression: !Ref When
      ScheduleExpressionTimezone: UTC
      FlexibleTimeWindow: { Mode: 'OFF' }
      Target:
        Arn: !Ref MachineAliaslive
        RoleArn: !GetAtt Role.Arn
        Input: !Sub '{"at": "<aws.scheduler.scheduled-time>"}'
"#;

#[test]
fn a_schedule_by_itself_starts_a_machine_s_alias() {
    let template = parse(ALIASED, &[("When", "rate(60 minutes)")]).unwrap();
    let [weekly] = template.schedules.try_into().unwrap();
    assert_eq!(
        (weekly.name.as_str(), weekly.every.as_secs()),
        ("Weekly", 3600)
    );
    assert_eq!(
        weekly.target.arn,
        "arn:aws:states:eu-west-1:123456789012:stateMachine:Machine:live"
    );
    let input = format!("{{\"at\": \"{SCHEDULED_TIME}\"}}");
    assert_eq!(weekly.target.input, Input::Constant(input));
}

#[test]
fn what_its_condition_rules_out_is_not_there() {
    assert_eq!(parse(ALIASED, &[]).unwrap().schedules, []);
    let unconditional = ALIASED.replace("    Condition: Scheduled\n", "");
    let error = format!("{:#}", parse(&unconditional, &[]).unwrap_err());
    assert!(error.contains("`Role` is not made"), "{error}");
}

#[test]
fn a_schedule_that_would_be_misread_is_refused() {
    for properties in [
        "ScheduleExpression: rate(1 minutes)",
        "ScheduleExpression: rate(5 minute)",
        "ScheduleExpression: rate(1 hour)",
        "ScheduleExpression: 'cron(0 3 * * ? *)'",
        "ScheduleExpression: rate(1 minute), StartDate: '2030-01-01T00:00:00Z'",
        "ScheduleExpression: rate(1 minute), FlexibleTimeWindow: { Mode: FLEXIBLE }",
        "ScheduleExpression: rate(1 minute), Input: 'no JSON'",
        "ScheduleExpression: rate(1 minute), Input: '\"<aws.scheduler.execution-id>\"'",
    ] {
        assert!(scheduled(properties).is_err(), "{properties}");
    }
}
