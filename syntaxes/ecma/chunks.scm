; What JavaScript and TypeScript have in common; no language of its own.
(comment) @comment
(export_statement) @wrapper

(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @definition.function
(class_declaration name: (_) @name body: (_) @body) @definition.class
(method_definition name: (_) @name body: (_) @body) @definition.method

; const handler = async (…) => …, const Base = class …
(lexical_declaration
  . (variable_declarator
      name: (identifier) @name
      value: [
        (arrow_function body: (_) @body)
        (function_expression body: (_) @body)
        (generator_function body: (_) @body)
      ])) @definition.function
(variable_declaration
  . (variable_declarator
      name: (identifier) @name
      value: [
        (arrow_function body: (_) @body)
        (function_expression body: (_) @body)
        (generator_function body: (_) @body)
      ])) @definition.function
(lexical_declaration
  . (variable_declarator name: (identifier) @name value: (class body: (_) @body))) @definition.class

; top-level values
(program
  (lexical_declaration
    (variable_declarator
      name: (identifier) @name
      value: [(object) (array) (new_expression) (template_string) (string) (number)])) @definition.constant)
(program
  (lexical_declaration
    (variable_declarator
      name: (identifier) @name
      value: (call_expression function: (_) @_callee))
    (#not-eq? @_callee "require")) @definition.constant)
(program
  (export_statement
    declaration: (lexical_declaration
      (variable_declarator
        name: (identifier) @name
        value: [(object) (array) (call_expression) (new_expression) (template_string) (string) (number) (binary_expression)])) @definition.constant))
(program
  (variable_declaration
    (variable_declarator name: (identifier) @name value: [(object) (array)])) @definition.constant)

; members of objects
(pair
  key: [(property_identifier) (string) (private_property_identifier)] @name.text
  value: [
    (arrow_function body: (statement_block) @body)
    (function_expression body: (_) @body)
  ]) @definition.function

; target.name = function …
(expression_statement
  (assignment_expression
    left: (member_expression property: (_) @name)
    right: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)
    ])) @definition.function
(expression_statement
  (assignment_expression
    left: (member_expression object: (identifier) @scope property: (_) @name)
    right: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)
    ])
  (#not-any-of? @scope "exports" "module")) @definition.function
(expression_statement
  (assignment_expression
    left: (member_expression
      object: (member_expression object: (_) @scope property: (_) @_prototype)
      property: (_) @name)
    right: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)
    ])
  (#eq? @_prototype "prototype")) @definition.method
(expression_statement
  (assignment_expression
    left: (member_expression property: (_) @name)
    right: [(class body: (_) @body) (object)])) @definition.class

(export_statement value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
  (#set! name "default")) @definition.function
(export_statement value: (class body: (_) @body) (#set! name "default")) @definition.class
(export_statement value: (object) (#set! name "default")) @definition.constant

; describe('…', () => { … }), it('…', …)
(expression_statement
  (call_expression
    function: [
      (identifier) @_call
      (member_expression object: (identifier) @_call)
    ]
    arguments: (arguments
      . [(string) (template_string)] @name.text
      [
        (arrow_function body: (_) @body)
        (function_expression body: (_) @body)
      ]))
  (#any-of? @_call "describe" "it" "test" "suite" "context" "specify" "bench")) @definition.test
