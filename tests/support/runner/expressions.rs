//! Expressions of GitHub Actions, as far as workflows of this repository use them. The rules are those of
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>; what is not known here is a fault,
//! where GitHub would take it for nothing.

use serde_json::Value;

/// What an expression may look at: one object, whose fields are the contexts.
pub(crate) struct Scope {
    pub(crate) contexts: Value,
    /// What `success()`, `failure()` and `cancelled()` go by.
    pub(crate) is_successful: bool,
}

impl Scope {
    /// A value of a workflow: the expression that it is, or a text with expressions in it.
    pub(crate) fn value(&self, text: &str) -> Result<Value, String> {
        if let Some(inner) = text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}"))
            && !inner.contains("}}")
        {
            return self.evaluate(inner);
        }
        self.text(text).map(Value::String)
    }

    /// A text in which expressions are put.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        let (mut shown, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${{") {
            let (inner, after) =
                after.split_once("}}").ok_or_else(|| format!("no end of an expression in {text:?}"))?;
            shown += before;
            shown += &to_text(&self.evaluate(inner)?);
            rest = after;
        }
        Ok(shown + rest)
    }

    /// Whether a step or job with this `if` runs, which without a word on success runs after success alone.
    pub(crate) fn condition(&self, condition: Option<&str>) -> Result<bool, String> {
        let Some(text) = condition else { return Ok(self.is_successful) };
        let inner = text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text);
        let says = ["success()", "failure()", "cancelled()", "always()"].iter().any(|word| inner.contains(word));
        Ok((says || self.is_successful) && is_true(&self.evaluate(inner)?))
    }

    fn evaluate(&self, text: &str) -> Result<Value, String> {
        let mut parser = Parser { scope: self, text, rest: text };
        let value = parser.either()?;
        if parser.peek().is_empty() { Ok(value) } else { Err(parser.fault("an end")) }
    }
}

struct Parser<'t> {
    scope: &'t Scope,
    text: &'t str,
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn fault(&self, expected: &str) -> String {
        format!("expected {expected} at {:?} of {:?}", self.rest, self.text)
    }

    fn peek(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    fn takes(&mut self, token: &str) -> bool {
        let rest = self.peek().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.takes(token) { Ok(()) } else { Err(self.fault(token)) }
    }

    fn either(&mut self) -> Result<Value, String> {
        let mut value = self.both()?;
        while self.takes("||") {
            let other = self.both()?;
            value = if is_true(&value) { value } else { other };
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<Value, String> {
        let mut value = self.comparison()?;
        while self.takes("&&") {
            let other = self.comparison()?;
            value = if is_true(&value) { other } else { value };
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let value = self.operand()?;
        for (sign, wanted) in [("==", true), ("!=", false)] {
            if self.takes(sign) {
                return Ok((is_equal(&value, &self.operand()?) == wanted).into());
            }
        }
        Ok(value)
    }

    fn operand(&mut self) -> Result<Value, String> {
        if self.takes("!") {
            return Ok((!is_true(&self.operand()?)).into());
        }
        if self.takes("(") {
            let value = self.either()?;
            self.expect(")")?;
            return Ok(value);
        }
        if self.takes("'") {
            return self.string();
        }
        let word = self.word();
        if let Ok(number) = word.parse::<i64>() {
            return Ok(number.into());
        }
        match word {
            "" => Err(self.fault("an operand")),
            "null" => Ok(Value::Null),
            "true" | "false" => Ok((word == "true").into()),
            _ if self.takes("(") => {
                let value = self.call(word)?;
                self.fields(value, false)
            }
            _ => {
                let context = self.scope.contexts.get(word).ok_or_else(|| self.fault("a known context before"))?;
                self.fields(context.clone(), true)
            }
        }
    }

    fn word(&mut self) -> &'t str {
        let text = self.peek();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c)).unwrap_or(text.len());
        self.rest = &text[end..];
        &text[..end]
    }

    /// A text, in which a quote stands twice.
    fn string(&mut self) -> Result<Value, String> {
        let mut string = String::new();
        loop {
            let (before, after) = self.rest.split_once('\'').ok_or_else(|| self.fault("a quote"))?;
            (string, self.rest) = (string + before, after);
            match self.rest.strip_prefix('\'') {
                Some(rest) => (string, self.rest) = (string + "'", rest),
                None => return Ok(string.into()),
            }
        }
    }

    fn call(&mut self, function: &str) -> Result<Value, String> {
        let mut given = Vec::new();
        while !self.takes(")") {
            given.push(self.either()?);
            if !self.takes(",") && !self.peek().starts_with(')') {
                return Err(self.fault("a comma"));
            }
        }
        match (function, given.as_slice()) {
            ("success", []) => Ok(self.scope.is_successful.into()),
            ("failure", []) => Ok((!self.scope.is_successful).into()),
            ("always", []) => Ok(true.into()),
            // No run of these tests is cancelled.
            ("cancelled", []) => Ok(false.into()),
            ("fromJSON", [text]) => serde_json::from_str(&to_text(text)).map_err(|error| error.to_string()),
            ("format", [text, values @ ..]) => {
                let put = |text: String, (number, value): (usize, &Value)| {
                    text.replace(&format!("{{{number}}}"), &to_text(value))
                };
                Ok(values.iter().enumerate().fold(to_text(text), put).into())
            }
            _ => Err(self.fault("a known function before")),
        }
    }

    /// What lies below a value. Of a context it has to be there; of a value that was computed it need not.
    fn fields(&mut self, mut value: Value, must_be: bool) -> Result<Value, String> {
        loop {
            let found = if self.takes(".") {
                let name = self.word();
                value.get(name).cloned()
            } else if self.takes("[") {
                let index = self.either()?;
                self.expect("]")?;
                let number = index.as_u64().and_then(|number| usize::try_from(number).ok());
                number.map_or_else(|| value.get(to_text(&index)), |number| value.get(number)).cloned()
            } else {
                return Ok(value);
            };
            value = match found {
                Some(found) => found,
                None if must_be => return Err(self.fault("a known field before")),
                None => Value::Null,
            };
        }
    }
}

fn is_true(value: &Value) -> bool {
    !(value.is_null() || *value == Value::Bool(false) || *value == 0 || *value == "")
}

/// Of two kinds, both become numbers, and what is none equals nothing.
fn is_equal(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Null => 0.0,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Number(value) => value.as_f64().unwrap_or(f64::NAN),
        Value::String(value) if value.is_empty() => 0.0,
        Value::String(value) => value.parse().unwrap_or(f64::NAN),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    };
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.eq_ignore_ascii_case(other),
        _ => number(one) == number(other),
    }
}

/// A value in a text.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(_) => "Array".to_owned(),
        Value::Object(_) => "Object".to_owned(),
        other => other.to_string(),
    }
}

#[test]
fn expressions_are_evaluated_by_the_rules_of_the_runner() {
    let contexts = serde_json::json!({
        "inputs": { "push": true, "shards": 0, "name": "", "quoted": "it's $(x)" },
        "needs": { "plan": { "outputs": { "matrix": r#"{"include":[]}"# }, "result": "success" } },
        "secrets": { "registry-username": null },
        "github": { "actor": "ann" },
    });
    let scope = Scope { contexts, is_successful: true };
    for (text, expected) in [
        ("plain", "plain"),
        ("${{ inputs.push }}", "true"),
        ("a ${{ inputs.shards }} b${{inputs.name}}", "a 0 b"),
        ("${{ secrets.registry-username || github.actor }}", "ann"),
        ("${{ inputs.name && format('-{0}', inputs.name) }}", ""),
        ("${{ inputs.quoted && format('-{0}', inputs.quoted) }}", "-it's $(x)"),
        ("${{ 'it''s' }}", "it's"),
        ("${{ fromJSON(needs.plan.outputs.matrix).include[0] != null }}", "false"),
        ("${{ fromJSON('{\"include\":[{}]}').include[0] != null }}", "true"),
        ("${{ !cancelled() && needs.plan.result == 'Success' }}", "true"),
        ("${{ !(inputs.push == true) || null == 0 }}", "true"),
        ("${{ fromJSON(needs.plan.outputs.matrix) }}", "Object"),
    ] {
        assert_eq!(scope.text(text).as_deref(), Ok(expected), "{text}");
    }
    assert!(scope.value("${{ fromJSON(needs.plan.outputs.matrix) }}").unwrap()["include"].is_array());
    for text in
        ["${{ inputs.pull }}", "${{ env.X }}", "${{ hashFiles('x') }}", "${{ 'a }}", "${{ inputs.push push }}", "${{"]
    {
        assert!(scope.text(text).is_err(), "{text}");
    }
}

#[test]
fn a_condition_is_about_success_unless_it_says_so_itself() {
    let contexts = serde_json::json!({ "inputs": { "push": true } });
    for (is_successful, condition, expected) in [
        (true, None, true),
        (false, None, false),
        (false, Some("inputs.push"), false),
        (true, Some("${{ inputs.push }}"), true),
        (false, Some("${{ !cancelled() }}"), true),
        (false, Some("failure() && inputs.push"), true),
    ] {
        let scope = Scope { contexts: contexts.clone(), is_successful };
        assert_eq!(scope.condition(condition), Ok(expected), "{condition:?}");
    }
}
