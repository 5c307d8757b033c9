(comment) @comment
(template_declaration) @wrapper

; = default, = delete
(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (reference_declarator (function_declarator declarator: (_) @name))
    (operator_cast) @name
  ]) @definition.function

(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))
    (reference_declarator (function_declarator declarator: (_) @name))
    (operator_cast) @name
  ]
  body: (_) @body) @definition.function

(class_specifier name: (_) @name body: (_) @body) @definition.class
(struct_specifier name: (_) @name body: (_) @body) @definition.class
(union_specifier name: (_) @name body: (_) @body) @definition.type
(enum_specifier name: (_) @name body: (_) @body) @definition.type
(type_definition declarator: (type_identifier) @name) @definition.type
(type_definition type: (_ body: (_) @body) declarator: (type_identifier) @name) @definition.type
(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type
(namespace_definition name: (_) @name body: (_) @body) @definition.module
(namespace_definition !name body: (_) @body) @definition.module

(preproc_function_def name: (identifier) @name) @definition.function
(preproc_def . name: (identifier) @name value: (_)) @definition.constant

; TEST(Suite, Name) { … } reads as a function without a return type
(function_definition
  declarator: (function_declarator
    declarator: (identifier) @_macro
    parameters: (parameter_list
      . (parameter_declaration type: (type_identifier) @scope)
      . (parameter_declaration type: (type_identifier) @name)))
  body: (_) @body
  (#any-of? @_macro "TEST" "TEST_F" "TEST_P" "TYPED_TEST" "TYPED_TEST_P")) @definition.test
