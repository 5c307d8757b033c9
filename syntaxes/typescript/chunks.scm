; inherits: ecma

; class fields that hold a function
(public_field_definition
  name: (_) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ]) @definition.method

(function_signature name: (identifier) @name) @definition.function
(abstract_class_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body) @definition.class
(type_alias_declaration name: (_) @name value: (_) @body) @definition.type
(enum_declaration name: (_) @name body: (_) @body) @definition.type
(internal_module name: (_) @name body: (_) @body) @definition.module
(module name: (_) @name.text body: (_) @body) @definition.module
(expression_statement (internal_module)) @wrapper
(ambient_declaration) @wrapper
(class_body (decorator) @attribute)
