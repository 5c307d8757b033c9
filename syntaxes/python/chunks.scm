(comment) @comment
(decorated_definition) @wrapper

(class_definition name: (identifier) @name body: (_) @body) @definition.class
(function_definition name: (identifier) @name body: (_) @body) @definition.function
((function_definition name: (identifier) @name body: (_) @body) @definition.test
  (#match? @name "^test_"))

(class_definition body: (block . (expression_statement (string) @doc)))
(function_definition body: (block . (expression_statement (string) @doc)))

(module
  (expression_statement
    (assignment left: (identifier) @name)) @definition.constant)
(type_alias_statement left: (type (identifier) @name)) @definition.type
