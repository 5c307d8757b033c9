(comment) @comment

(function_declaration name: (identifier) @name body: (block) @body) @definition.function
(method_declaration
  receiver: (parameter_list
    (parameter_declaration
      type: [
        (type_identifier) @scope
        (pointer_type (type_identifier) @scope)
        (generic_type type: (type_identifier) @scope)
        (pointer_type (generic_type type: (type_identifier) @scope))
      ]))
  name: (field_identifier) @name
  body: (block) @body) @definition.method
((function_declaration name: (identifier) @name body: (block) @body) @definition.test
  (#match? @name "^(Test|Benchmark|Fuzz|Example)(_|[A-Z]|$)"))

; one or, in parentheses, several
(type_declaration [(type_spec name: (_) @name) (type_alias name: (_) @name)]) @definition.type
(type_declaration
  . (type_spec name: (_) @name type: [(struct_type (field_declaration_list) @body) (interface_type)]) .) @definition.type
(type_declaration
  . (type_spec name: (_) @name type: (interface_type)) .) @definition.class

(source_file (const_declaration (const_spec name: (identifier) @name)) @definition.constant)
(source_file (var_declaration (var_spec name: (identifier) @name)) @definition.constant)
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name))) @definition.constant)
